#include "settings.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <keywarden/config/access_control.hpp>
#include <keywarden/config/check.hpp>
#include <keywarden/config/files.hpp>
#include <keywarden/config/secret_setting.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/pki/certificate_folder.hpp>

#include "log.hpp"

namespace split_merge {

namespace kw = keywarden;
namespace pki = kw::pki;
namespace config = kw::config;

namespace {

/// A configuration with what it refers to.
class deployment {
 public:
  explicit deployment(const options& asked)
      : asked_(asked),
        text_(config::read_file(asked.config).value()),
        read_(config::read(kw::as_text(text_.view()), asked.config.string()).value()),
        folder_(asked.certificates, pki::location::machine),
        password_(read_password(asked.key_password)) {}

  [[nodiscard]] const config::role& role(std::string_view name) const {
    return *read_.find_role(name);  // validated
  }
  /// The certificate that a role names. Errors: throws `refused`, naming the setting.
  [[nodiscard]] pki::stored_certificate find(const config::role& of, std::string_view name,
                                             pki::store_name in) const {
    const auto* reference = of.find_certificate(name);
    auto found = folder_.find(in, reference == nullptr ? "" : reference->thumbprint.view());
    if (!found)
      throw kw::refused(kw::error(found.error())
                            .with(kw::fact::name, name)
                            .with(kw::fact::file, asked_.config.string()));
    return std::move(*found);
  }
  [[nodiscard]] pki::certificate find_public(const config::role& of, std::string_view name) const {
    return find(of, name, pki::store_name::personal).shown;
  }
  [[nodiscard]] pki::identity find_identity(const config::role& of, std::string_view name) const {
    return folder_.load_identity(find_public(of, name).fingerprint(), password_).value();
  }
  /// A thumbprint of SHA-1 is only an index: where the certificate is known, its SHA-256 counts.
  [[nodiscard]] pki::thumbprint authoritative(const pki::thumbprint& listed) const {
    if (listed.proves_identity()) return listed;
    const auto known = folder_.find(pki::store_name::trusted_people, listed);
    if (known) return pki::thumbprint_of(known->shown, pki::thumbprint_algorithm::sha256);
    if (!(known.error() == kw::errc::not_found) || !known.error().causes().empty())
      throw kw::refused(known.error());
    log("AllowedClientCertificateThumbprints: " + listed.text() +
        " is SHA-1, and its certificate is not in trusted-people: import it there");
    return listed;
  }
  [[nodiscard]] network_rules rules_of(std::string_view role_name,
                                       std::string_view endpoint) const {
    network_rules made;
    const auto* acl = read_.find_endpoint_acl(role_name, endpoint);
    const auto name = acl == nullptr ? config::deny_all : acl->access_control.view();
    const auto rules = config::rules_of(read_, name);
    if (!rules) return made;
    made.rules = rules->network_rules();
    made.last = rules->otherwise;
    // Only who says so admits everybody: a group whose rules were lost does not.
    if (name == config::allow_all && made.rules.empty())
      made.rules = {kw::admit::permit(*kw::admit::network::parse("0.0.0.0/0")),
                    kw::admit::permit(*kw::admit::network::parse("::/0"))};
    return made;
  }
  [[nodiscard]] std::filesystem::path metadata(std::string_view role_name) const {
    constexpr std::string_view source = "Data Source=";
    const auto value = config::read_secret_setting(kw::as_text(text_.view()), role_name).value();
    const auto text = kw::as_text(kw::detail::view_of(value));
    if (!text.starts_with(source) || text.find(';') != std::string_view::npos)
      throw kw::refused(kw::error(kw::errc::configuration_invalid)
                            .with(kw::fact::file, asked_.config.string())
                            .with(kw::fact::name, config::names::metadata)
                            .with(kw::fact::reason, "it is not \"Data Source=<file>\""));
    return std::filesystem::path(text.substr(source.size()));
  }
  [[nodiscard]] const pki::certificate_folder& folder() const noexcept { return folder_; }

 private:
  [[nodiscard]] static kw::password read_password(const std::filesystem::path& file) {
    constexpr std::size_t longest = 1024;
    const auto text = pki::read_secret_file(file, longest).value();
    auto line = kw::as_text(text.view());
    line = line.substr(0, std::min(line.find('\n'), line.size()));
    return kw::password(line);
  }

  const options& asked_;
  kw::plaintext text_;
  config::service_configuration read_;
  pki::certificate_folder folder_;
  kw::password password_;
};

kw::admit::dynamic_ip_settings requests_of(const config::split_merge_settings& from,
                                           const options& asked) {
  auto made = kw::admit::dynamic_ip_settings::split_merge_defaults();
  made.deny_by_concurrent_requests = from.deny_by_concurrent_requests;
  made.max_concurrent_requests = from.max_concurrent_requests;
  made.deny_by_request_rate = from.deny_by_request_rate;
  made.max_requests = from.max_requests;
  made.request_interval = from.request_interval;
  made.deny_action = from.deny_action;
  made.proxies = asked.proxies;
  return made;
}

}  // namespace

web_settings read_web_settings(const options& asked) {
  const deployment all(asked);
  const auto& role = all.role(config::web_role);
  const auto settings = config::settings_of(role);
  std::optional<pki::certificate> secondary;
  if (role.find_certificate(config::certificates::data_encryption_secondary) != nullptr)
    secondary = all.find_public(role, config::certificates::data_encryption_secondary);
  std::vector<pki::thumbprint> allowed;
  for (const auto& each : settings.allowed_client_certificates)
    allowed.push_back(all.authoritative(
        pki::thumbprint::of_bytes(std::span(each.bytes).first(each.size)).value()));
  pki::trust_anchors ca;
  if (settings.client_certificates_required())
    ca = pki::trust_anchors::of(
             {all.find(role, config::certificates::ca, pki::store_name::trusted_roots).shown})
             .value();
  return {all.find_identity(role, config::certificates::ssl),
          settings.client_certificates_required(),
          std::move(ca),
          std::move(allowed),
          static_cast<pki::revocation_mode>(settings.client_certificate_revocation_check),
          all.rules_of(config::web_role, config::https_endpoint),
          all.rules_of(config::web_role, config::http_endpoint),
          requests_of(settings, asked),
          pki::encrypt_only<>::to(
              all.find_public(role, config::certificates::data_encryption_primary), secondary)
              .value(),
          all.metadata(config::web_role)};
}

worker_settings read_worker_settings(const options& asked) {
  const deployment all(asked);
  const auto& role = all.role(config::worker_role);
  const auto primary = all.find_identity(role, config::certificates::data_encryption_primary);
  std::optional<pki::identity> secondary;
  if (role.find_certificate(config::certificates::data_encryption_secondary) != nullptr)
    secondary = all.find_identity(role, config::certificates::data_encryption_secondary);
  return {pki::decrypt_only<>::with(primary, secondary ? &*secondary : nullptr).value(),
          pki::encrypt_only<>::to(primary.chain.front()).value(),
          all.metadata(config::worker_role)};
}

}  // namespace split_merge
