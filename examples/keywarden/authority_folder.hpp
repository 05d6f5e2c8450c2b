/// @file
/// An authority of one's own as a folder: its certificate, its key under a password, whom it issued
/// certificates to, and which of them it revoked.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/pki/authority.hpp>

#include "files.hpp"

namespace cli {

/// A folder (mode 0700) with `ca.cer` and `ca.key`; `ca.crl`, the revocation list that was signed
/// last, which is also the record of what was revoked; and `issued/SERIAL.cer` for each certificate
/// before anybody else gets it. Each file is replaced as a whole, so that a killed program leaves
/// the old state or the new one; two programs exclude each other.
///
/// The key is PKCS#8 under a password; nothing here writes it in another form. Whoever can put an
/// older `ca.crl` back can undo revocations: keep the folder where nobody else writes.
class authority_folder {
 public:
  /// Makes the folder with everything in it, or nothing. Errors: `already_exists`;
  /// `password_refused`; `io_failed`.
  [[nodiscard]] static keywarden::result<keywarden::pki::certificate> create(
      const std::filesystem::path& path, const keywarden::pki::certificate_options& options,
      keywarden::pki::signing_key key, std::size_t path_length,
      const keywarden::password& protection, keywarden::time_point now);

  /// Opens it, and keeps others from changing it. Errors: `not_found`, `not_permitted`,
  /// `authentication_failed` for a wrong password, `store_corrupt`, `io_failed`.
  [[nodiscard]] static keywarden::result<authority_folder> open(
      const std::filesystem::path& path, const keywarden::password& protection);

  [[nodiscard]] const keywarden::pki::authority& authority() const noexcept { return authority_; }

  /// Writes down what was issued. Errors: `io_failed`.
  [[nodiscard]] keywarden::result<void> record(const keywarden::pki::certificate& issued) const;

  /// Revokes, and signs the next list at once. Errors: `already_exists` when it was revoked before;
  /// those of `authority::revoke`.
  [[nodiscard]] keywarden::result<keywarden::pki::revocation_list> revoke(
      const keywarden::pki::certificate& issued, keywarden::pki::revocation_reason reason,
      keywarden::time_point now, std::chrono::seconds next_update);

  /// Signs a list of all that was revoked. Errors: `invalid_argument`, `io_failed`.
  [[nodiscard]] keywarden::result<keywarden::pki::revocation_list> renew_list(
      keywarden::time_point now, std::chrono::seconds next_update);

 private:
  authority_folder(std::filesystem::path path, descriptor lock, keywarden::pki::authority opened)
      : path_(std::move(path)), lock_(std::move(lock)), authority_(std::move(opened)) {}

  std::filesystem::path path_;
  descriptor lock_;
  keywarden::pki::authority authority_;
};

/// What is known of an authority's folder without its password.
struct authority_state {
  keywarden::pki::certificate own;
  keywarden::pki::revocation_list list;
  std::vector<keywarden::pki::certificate> issued;  ///< in the order of their serial numbers

  [[nodiscard]] bool revoked(const keywarden::pki::certificate& one) const;
};

/// Errors: `not_found`, `store_corrupt`, `io_failed`.
[[nodiscard]] keywarden::result<authority_state> read_authority(const std::filesystem::path& path);

/// A certificate that this authority issued, by its file or its serial number. Errors: `not_found`;
/// `malformed`.
[[nodiscard]] keywarden::result<keywarden::pki::certificate> issued_by(const authority_state& of,
                                                                       const std::string& word);

}  // namespace cli
