/// @file
/// What each role needs, as the service configuration names it and the certificate folder has it.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include <keywarden/admit/dynamic_ip_restrictions.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/pki/credential_sealing.hpp>
#include <keywarden/pki/revocation.hpp>
#include <keywarden/pki/signing_key.hpp>
#include <keywarden/pki/thumbprint.hpp>
#include <keywarden/pki/trust_anchors.hpp>

#include "options.hpp"

namespace split_merge {

/// Who may connect to an endpoint.
struct network_rules {
  std::vector<keywarden::admit::network_rule> rules;
  keywarden::admit::otherwise last = keywarden::admit::otherwise::deny;
};

/// The web role: it can encrypt credentials, and has no key to decrypt any.
struct web_settings {
  keywarden::pki::identity ssl;
  bool asks_clients = true;
  keywarden::pki::trust_anchors ca;
  std::vector<keywarden::pki::thumbprint> allowed;
  keywarden::pki::revocation_mode revocation = keywarden::pki::revocation_mode::no_check;
  network_rules https;
  network_rules http;
  keywarden::admit::dynamic_ip_settings requests;
  keywarden::pki::encrypt_only<> sealer;
  std::filesystem::path metadata;
};

/// The worker role: it can decrypt.
struct worker_settings {
  keywarden::pki::decrypt_only<> opener;
  keywarden::pki::encrypt_only<> sealer;  ///< for the primary certificate: what is kept goes there
  std::filesystem::path metadata;
};

/// Reads all that a role needs. Errors: throws `keywarden::refused`: those of the configuration
/// (with file, line and column), of the certificate folder, and of the certificates.
[[nodiscard]] web_settings read_web_settings(const options& asked);
[[nodiscard]] worker_settings read_worker_settings(const options& asked);

}  // namespace split_merge
