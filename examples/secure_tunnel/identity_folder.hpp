/// @file
/// Who this end is and whom it trusts, from the files of one folder (`secure_tunnel --help`).
#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include <keywarden/auth/certificate.hpp>

namespace tunnel {

namespace kw = keywarden;

/// A form of authentication made of two: certificates pinned, or certificates that also lead to an
/// authority, which one is read from the folder. A handle on shared state; any thread.
class authentication {
 public:
  using form = kw::auth::form::certificate;
  using pinned = kw::auth::certificate<kw::trust::pinned>;
  using chained = kw::auth::certificate<
      kw::trust::chain<kw::pki::revocation::offline, kw::trust::leaf_fingerprints>>;

  /// Reads the folder. Throws `refused`.
  [[nodiscard]] static authentication load(const std::filesystem::path& folder);

  /// Reads the folder again; new handshakes follow it. Throws `refused`, and has changed nothing
  /// then.
  void reload(const std::filesystem::path& folder) const;

  [[nodiscard]] kw::result<std::shared_ptr<const kw::pki::identity>> own(kw::time_point now) const {
    return std::visit([&](const auto& by) { return by.own(now); }, by_);
  }
  [[nodiscard]] kw::result<kw::auth::principal> judge(const kw::auth::peer_evidence& shown,
                                                      kw::time_point now) const {
    return std::visit([&](const auto& by) { return by.judge(shown, now); }, by_);
  }
  [[nodiscard]] kw::result<void> permits(const kw::auth::principal& who) const {
    return std::visit([&](const auto& by) { return by.permits(who); }, by_);
  }

 private:
  explicit authentication(std::variant<pinned, chained> by) : by_(std::move(by)) {}

  std::variant<pinned, chained> by_;
};
static_assert(kw::auth::authenticator<authentication>);

/// The password that the folder's keys are encrypted under. Throws `refused`.
[[nodiscard]] kw::password read_password(const std::filesystem::path& folder);

}  // namespace tunnel
