/// @file
/// The vault of the fixture, compiled in vault_test.cpp for all files of this folder.
#pragma once

#include "vault/fixture.hpp"

extern template class keywarden::vault<keywarden::testing::policy>;
extern template class keywarden::database<keywarden::testing::vault_state,
                                          keywarden::crypto::aes256_gcm>;
extern template class keywarden::detail::vault_state<keywarden::testing::policy,
                                                     keywarden::system_clock>;
extern template class keywarden::service_master_key_handle<keywarden::testing::vault_state>;
extern template class keywarden::database_master_key_handle<keywarden::testing::vault_state>;
extern template class keywarden::open_master_key_guard<keywarden::testing::vault_state>;
extern template class keywarden::symmetric_keys<keywarden::testing::vault_state,
                                                keywarden::crypto::aes256_gcm>;
extern template class keywarden::private_keys<keywarden::testing::vault_state,
                                              keywarden::role::certificate>;
extern template class keywarden::private_keys<keywarden::testing::vault_state,
                                              keywarden::role::asymmetric_key>;
extern template class keywarden::stored_secrets<keywarden::testing::vault_state,
                                                keywarden::role::credential>;
extern template class keywarden::stored_secrets<keywarden::testing::vault_state,
                                                keywarden::role::linked_server>;
