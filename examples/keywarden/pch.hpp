/// @file
/// What the tool's files include from elsewhere, parsed once. No header of Keywarden's own: a
/// compiler cache may give back a precompiled header that was made from files with other time
/// stamps, and `#pragma once` then fails.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include <botan/aead.h>
#include <botan/base64.h>
#include <botan/ec_group.h>
#include <botan/hash.h>
#include <botan/hex.h>
#include <botan/kdf.h>
#include <botan/mac.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/pwdhash.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509cert.h>
#include <sqlite3.h>
#include <boost/system/result.hpp>
#include <nlohmann/json.hpp>
