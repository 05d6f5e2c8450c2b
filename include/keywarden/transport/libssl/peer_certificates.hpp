/// @file
/// Certificates of peers that were let in before, parsed, so that their next handshakes cost less.
#pragma once

#include <optional>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/recent.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::transport::libssl::detail {

/// The parsed form of the certificates of at most `max_kept` peers, of at most `max_size` bytes
/// each; the one that was not seen for the longest goes first.
///
/// It tells how bytes read, which never changes, and nothing of whether who shows them is welcome:
/// that is judged at every handshake. Filled by `keep` alone, which is for a peer's own certificate
/// once it was let in, so that a stranger can neither fill it nor push anybody out. Does not hide,
/// from who measures, whether a certificate's holder was let in lately. A few KiB for each. Any
/// thread.
class peer_certificates {
 public:
  static constexpr std::size_t max_kept = 256;
  static constexpr std::size_t max_size = 4096;

  /// What was kept of exactly these bytes, or nothing.
  [[nodiscard]] std::optional<pki::certificate> find(const bytes& der) { return kept_.find(der); }

  /// Keeps the certificate of a peer that was let in now, unless it is too large.
  void keep(const bytes& der, const pki::certificate& read) {
    if (der.size() <= max_size) kept_.keep(der, read);
  }

  /// How many it has.
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  keywarden::detail::recent<bytes, pki::certificate> kept_{max_kept};
};

}  // namespace keywarden::transport::libssl::detail
