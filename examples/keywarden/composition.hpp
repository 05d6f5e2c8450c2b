/// @file
/// What the tool is composed of: the one place that decides how keys are protected.
#pragma once

#include <keywarden/keywarden.hpp>
#include <keywarden/store/any.hpp>
#ifdef CLI_WITH_POSTGRES
#include <keywarden/store/any_postgres.hpp>
#endif

namespace cli {

/// Who opens what, and where records live. The store is chosen when the program runs.
struct production {
  using cipher = keywarden::crypto::aes256_gcm;
  using service_key = keywarden::protect::self_healing<
      keywarden::protect::any_of<keywarden::protect::account, keywarden::protect::machine>>;
  using database_key =
      keywarden::protect::any_of<keywarden::protect::service_master_key,
                                 keywarden::protect::password<keywarden::crypto::argon2id<>>>;
#ifdef CLI_WITH_POSTGRES
  using store = keywarden::store::any_or_postgres;
#else
  using store = keywarden::store::any;
#endif
};

/// What `keywarden seal` seals for; another program opens its outputs with the same purpose.
struct sealed_file {
  static constexpr std::string_view name = "keywarden sealed file";
};

using vault = keywarden::vault<production>;
using database = vault::database_handle;

}  // namespace cli

// Compiled once, in composition.cpp.
namespace keywarden {
extern template class vault<cli::production>;
extern template class service_master_key_handle<detail::vault_state<cli::production, system_clock>>;
extern template class database_master_key_handle<
    detail::vault_state<cli::production, system_clock>>;
extern template class symmetric_keys<detail::vault_state<cli::production, system_clock>,
                                     cli::production::cipher>;
extern template class private_keys<detail::vault_state<cli::production, system_clock>,
                                   role::certificate>;
extern template class private_keys<detail::vault_state<cli::production, system_clock>,
                                   role::asymmetric_key>;
extern template class stored_secrets<detail::vault_state<cli::production, system_clock>,
                                     role::credential>;
extern template class stored_secrets<detail::vault_state<cli::production, system_clock>,
                                     role::linked_server>;
extern template class detail::vault_state<cli::production, system_clock>;
}  // namespace keywarden
