/// @file
/// All of Keywarden that needs nothing but Botan, Boost.System, range-v3 and nlohmann-json. Stores
/// and transports with other dependencies have headers of their own: `keywarden/store/sqlite.hpp`
/// and so on.
#pragma once

#include <keywarden/key/stream.hpp>
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/scale_out.hpp>
#include <keywarden/vault/standard_policy.hpp>
#include <keywarden/vault/vault.hpp>
