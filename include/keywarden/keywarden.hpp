/// @file
/// Keys, vaults and stores, as far as they need nothing but Botan, Boost.System, range-v3 and
/// nlohmann-json. Other stores have headers of their own: `keywarden/store/sqlite.hpp` with the
/// component sqlite, `keywarden/store/postgres.hpp` with postgres. Endpoints are in
/// `keywarden/endpoints.hpp`; their sockets in `keywarden/endpoint/listener.hpp`, with asio.
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
