/// @file
/// Trust anchors: the authorities whose certificates an instance believes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <botan/certstor.h>

#include <keywarden/pki/anchor_copy.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::pki {

namespace detail {

/// A number that no other snapshot of this process has.
[[nodiscard]] inline std::uint64_t next_generation() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace detail

/// An immutable set of authority certificates. Copies share it; any thread. To change what is
/// trusted, make another set and replace this one: new handshakes see it.
///
/// Every authority in it can vouch for every name, so few are better than many. An anchor need not
/// be self-signed: an intermediate authority as the only anchor trusts no more than it issued.
class trust_anchors {
 public:
  /// More are refused as `limit_exceeded`.
  static constexpr std::size_t max_count = 1024;

  /// No authority: nothing is trusted.
  trust_anchors() : trust_anchors(std::vector<certificate>()) {}

  /// Verifies the own signature of each that is self-signed, so that no path has to. Errors:
  /// `certificate_usage` for one that is not an authority's; `limit_exceeded`.
  [[nodiscard]] static result<trust_anchors> of(std::vector<certificate> authorities) {
    if (authorities.size() > max_count)
      return error(errc::limit_exceeded)
          .with(fact::kind, "trust anchors")
          .with(fact::limit, max_count)
          .with(fact::actual, authorities.size());
    for (const auto& each : authorities)
      if (!each.is_authority())
        return error(errc::certificate_usage)
            .with(fact::name, each.subject())
            .with(fact::reason, "it is not an authority's certificate")
            .with(fact::next_step, "trust its issuer, or pin this certificate's fingerprint");
    return trust_anchors(std::move(authorities));
  }

  /// The authorities, in the order in which they were given. Valid as long as this or a copy.
  [[nodiscard]] const std::vector<certificate>& certificates() const noexcept {
    return set_->certificates;
  }
  [[nodiscard]] bool empty() const noexcept { return set_->certificates.empty(); }

  /// A number that only this set and its copies have, within this process: what was decided under
  /// another one does not hold under this.
  [[nodiscard]] std::uint64_t generation() const noexcept { return set_->generation; }

  /// The set for Botan's own interfaces. Nobody changes it.
  [[nodiscard]] const Botan::Certificate_Store& store() const noexcept { return set_->store; }

  /// For `judge_path` alone: the set with a `detail::anchor_copy` in place of each anchor that has
  /// one, and the anchor that one of its certificates stands for.
  [[nodiscard]] const Botan::Certificate_Store& path_store() const noexcept {
    return set_->path_store;
  }
  /// The anchor that one of `path_store`'s certificates stands for; else the certificate itself.
  [[nodiscard]] certificate original(const certificate& of) const {
    const auto at = set_->originals.find(of.fingerprint());
    return at == set_->originals.end() ? of : at->second;
  }

 private:
  struct shared_set {
    std::vector<certificate> certificates;
    std::uint64_t generation = detail::next_generation();
    Botan::Certificate_Store_In_Memory store;
    Botan::Certificate_Store_In_Memory path_store;
    std::map<fingerprint, certificate> originals;  // by that of the copy
  };

  explicit trust_anchors(std::vector<certificate> authorities) {
    auto made = std::make_shared<shared_set>();
    for (const auto& each : authorities) {
      made->store.add_certificate(each.x509());
      auto copy = detail::anchor_copy(each.x509());
      made->path_store.add_certificate(copy ? *copy : each.x509());
      if (copy) made->originals.emplace(certificate::adopt(*copy).fingerprint(), each);
    }
    made->certificates = std::move(authorities);
    set_ = std::move(made);
  }

  std::shared_ptr<const shared_set> set_;
};

}  // namespace keywarden::pki
