/// @file
/// All commands, topic by topic.
#pragma once

#include <vector>

#include "answer.hpp"

namespace cli {

[[nodiscard]] std::vector<command> vault_commands();               // vault, smk, describe
[[nodiscard]] std::vector<command> database_commands();            // db, dmk
[[nodiscard]] std::vector<command> key_commands();                 // key
[[nodiscard]] std::vector<command> private_key_commands();         // certificate, asymmetric-key
[[nodiscard]] std::vector<command> certificate_commands();         // cert
[[nodiscard]] std::vector<command> certificate_file_commands();    // cert … on files, cert pfx
[[nodiscard]] std::vector<command> certificate_folder_commands();  // cert store
[[nodiscard]] std::vector<command> authority_commands();           // ca
[[nodiscard]] std::vector<command> config_commands();              // config
[[nodiscard]] std::vector<command> config_certificate_commands();  // config … of certificates
[[nodiscard]] std::vector<command> data_commands();                // seal, open
[[nodiscard]] std::vector<command> server_secret_commands();       // credential, linked-server
[[nodiscard]] std::vector<command> scale_out_commands();           // scale-out
[[nodiscard]] std::vector<command> principal_commands();   // login, user, grant, deny, revoke
[[nodiscard]] std::vector<command> endpoint_commands();    // endpoint
[[nodiscard]] std::vector<command> connection_commands();  // endpoint listen, endpoint connect

}  // namespace cli
