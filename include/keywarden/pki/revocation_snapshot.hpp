/// @file
/// What authorities have revoked, as it was known at one moment.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/asn1_time.h>
#include <botan/data_src.h>
#include <botan/pem.h>
#include <botan/x509_crl.h>

#include <keywarden/pki/trust_anchors.hpp>

namespace keywarden::pki {

namespace detail {

/// Which authorities' keys a list's signature was checked with, and what came of it; the last
/// eight. Any thread.
class checked_signatures {
 public:
  static constexpr std::size_t capacity = 8;

  [[nodiscard]] std::optional<bool> find(const key_fingerprint& key) const {
    const std::lock_guard held(mutex_);
    for (const auto& each : known_)
      if (each && each->key == key) return each->good;
    return std::nullopt;
  }
  void keep(const key_fingerprint& key, bool good) {
    const std::lock_guard held(mutex_);
    known_[next_] = {key, good};
    next_ = (next_ + 1) % capacity;
  }

 private:
  struct outcome {
    key_fingerprint key;
    bool good;
  };
  mutable std::mutex mutex_;
  std::array<std::optional<outcome>, capacity> known_;
  std::size_t next_ = 0;
};

}  // namespace detail

/// A certificate revocation list (RFC 5280): parsed, not judged; whether its authority signed it is
/// checked when a path is judged. A cheap copy; any thread.
class revocation_list {
 public:
  /// The largest list that is read, in bytes of DER.
  static constexpr std::size_t max_size = std::size_t{8} << 20U;

  /// Reads exactly one list, DER or PEM. Errors: `limit_exceeded`; `malformed`, also for dates
  /// before 1970.
  [[nodiscard]] static result<revocation_list> read(bytes_view content) {
    constexpr std::uint8_t der_sequence = 0x30;
    if (!content.empty() && content[0] != der_sequence) {
      if (content.size() > 2 * max_size) return too_large(2 * max_size, content.size());
      auto der = detail::parsed("revocation list", [&] {
        return Botan::PEM_Code::decode_check_label(as_text(content), "X509 CRL");
      });
      if (!der) return der.error();
      return from_der(*der);
    }
    return from_der(content);
  }

  /// Whose certificates it is about, as people read it; see `signed_by` for whether it is theirs.
  [[nodiscard]] std::string issuer() const { return parsed_.issuer_dn().to_string(); }
  /// When it was made.
  [[nodiscard]] time_point this_update() const { return detail::to_time(parsed_.this_update()); }
  /// When the next one was promised; none for a list that promises nothing.
  [[nodiscard]] std::optional<time_point> next_update() const {
    if (!parsed_.next_update().time_is_set()) return std::nullopt;
    return detail::to_time(parsed_.next_update());
  }
  [[nodiscard]] std::size_t size() const { return parsed_.get_revoked().size(); }
  /// The list itself, signature included.
  [[nodiscard]] bytes der() const { return parsed_.BER_encode(); }

  /// Whether this authority's key signed it. The signature of a large list costs milliseconds: it
  /// is checked once for each key, and remembered by all copies of the list.
  [[nodiscard]] bool signed_by(const certificate& authority) const {
    const auto good =
        keywarden::detail::guarded("checking a revocation list", [&]() -> result<bool> {
          const auto key = authority.key_fingerprint();
          if (const auto known = checked_->find(key)) return *known;
          const bool made = parsed_.check_signature(*authority.x509().subject_public_key());
          checked_->keep(key, made);
          return made;
        });
    return good && *good;
  }

  /// The parsed form, for Botan's own interfaces.
  [[nodiscard]] const Botan::X509_CRL& x509() const noexcept { return parsed_; }

  /// For the library's own use: what Botan parsed already.
  [[nodiscard]] static revocation_list adopt(Botan::X509_CRL parsed) {
    return revocation_list(std::move(parsed));
  }

 private:
  explicit revocation_list(Botan::X509_CRL parsed)
      : parsed_(std::move(parsed)), checked_(std::make_shared<detail::checked_signatures>()) {}

  [[nodiscard]] static result<revocation_list> from_der(bytes_view der) {
    if (der.size() > max_size) return too_large(max_size, der.size());
    return detail::parsed("revocation list", [&]() -> result<revocation_list> {
      Botan::DataSource_Memory source(der);
      Botan::X509_CRL parsed(source);
      if (!source.end_of_data())
        return error(errc::malformed)
            .with(fact::kind, "revocation list")
            .with(fact::reason, "bytes follow it");
      const auto& next = parsed.next_update();
      if (!detail::is_since_1970(parsed.this_update()) ||
          (next.time_is_set() && !detail::is_since_1970(next)))
        return error(errc::malformed)
            .with(fact::kind, "revocation list")
            .with(fact::reason, "its dates are before 1970");
      return revocation_list(std::move(parsed));
    });
  }
  [[nodiscard]] static error too_large(std::size_t limit, std::size_t actual) {
    return error(errc::limit_exceeded)
        .with(fact::kind, "revocation list")
        .with(fact::limit, limit)
        .with(fact::actual, actual);
  }

  Botan::X509_CRL parsed_;
  std::shared_ptr<detail::checked_signatures> checked_;
};

/// An immutable set of revocation lists. Copies share it; any thread.
class revocation_snapshot {
 public:
  /// More are refused as `limit_exceeded`.
  static constexpr std::size_t max_lists = 256;

  /// Nothing is known: generation 0, the same for all that know nothing.
  revocation_snapshot() : set_(nothing()) {}

  /// Reads lists, DER or PEM each. Errors: `limit_exceeded`, `malformed`.
  [[nodiscard]] static result<revocation_snapshot> of(const std::vector<bytes>& contents) {
    std::vector<revocation_list> lists;
    for (const auto& each : contents) {
      auto list = revocation_list::read(each);
      if (!list) return list.error();
      lists.push_back(std::move(*list));
    }
    return of(std::move(lists));
  }
  /// Errors: `limit_exceeded`.
  [[nodiscard]] static result<revocation_snapshot> of(std::vector<revocation_list> lists) {
    if (lists.size() > max_lists)
      return error(errc::limit_exceeded)
          .with(fact::kind, "revocation lists")
          .with(fact::limit, max_lists)
          .with(fact::actual, lists.size());
    revocation_snapshot made;
    made.set_ =
        std::make_shared<const shared_set>(shared_set{std::move(lists), detail::next_generation()});
    return made;
  }

  /// The lists, in the order in which they were given. Valid as long as this or a copy.
  [[nodiscard]] const std::vector<revocation_list>& lists() const noexcept { return set_->lists; }

  /// A number that only this snapshot and its copies have, within this process.
  [[nodiscard]] std::uint64_t generation() const noexcept { return set_->generation; }

 private:
  struct shared_set {
    std::vector<revocation_list> lists;
    std::uint64_t generation = 0;
  };
  [[nodiscard]] static const std::shared_ptr<const shared_set>& nothing() {
    static const auto shared = std::make_shared<const shared_set>();
    return shared;
  }

  std::shared_ptr<const shared_set> set_;
};

}  // namespace keywarden::pki
