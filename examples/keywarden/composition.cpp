#include "composition.hpp"

namespace keywarden {
template class detail::vault_state<cli::production, system_clock>;
template class service_master_key_handle<detail::vault_state<cli::production, system_clock>>;
template class database_master_key_handle<detail::vault_state<cli::production, system_clock>>;
template class symmetric_keys<detail::vault_state<cli::production, system_clock>,
                              cli::production::cipher>;
template class private_keys<detail::vault_state<cli::production, system_clock>, role::certificate>;
template class private_keys<detail::vault_state<cli::production, system_clock>,
                            role::asymmetric_key>;
template class stored_secrets<detail::vault_state<cli::production, system_clock>, role::credential>;
template class stored_secrets<detail::vault_state<cli::production, system_clock>,
                              role::linked_server>;
template class vault<cli::production>;
}  // namespace keywarden
