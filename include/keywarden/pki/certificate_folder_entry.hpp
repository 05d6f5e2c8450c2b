/// @file
/// One file of a certificate folder: its name, its content, and who may have written it.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/pki/files.hpp>

// A certificate folder has a folder for each store, and in it a file for each certificate:
// "<SHA-256 of the DER certificate, lower-case hexadecimal>.pem", the certificate in PEM, those
// that lead to its anchor, and for one's own an ENCRYPTED PRIVATE KEY (PKCS#8) at the end. The
// bytes are exactly what this library writes. One file holds all, so that one rename replaces all.

namespace keywarden::pki {

/// A certificate of a folder.
struct stored_certificate {
  certificate shown;              ///< the certificate itself
  std::vector<certificate> path;  ///< those that lead to its anchor, as they were imported with it
  bool has_private_key = false;   ///< encrypted, in the same file
};

/// A file that is not of this library, or is damaged.
struct foreign_file {
  std::string name;  ///< as the file system has it: anything
  error why;         ///< `store_corrupt` with the reason, or what the system said
};

/// What a store holds.
struct store_listing {
  std::vector<stored_certificate> certificates;  ///< by fingerprint
  std::vector<foreign_file> foreign;             ///< by name
};

namespace detail {

inline constexpr std::size_t max_entry = std::size_t{1} << 20U;
inline constexpr std::string_view entry_suffix = ".pem";
inline constexpr std::string_view key_header = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
inline constexpr std::string_view key_footer = "-----END ENCRYPTED PRIVATE KEY-----\n";

[[nodiscard]] inline std::string entry_name(const fingerprint& of) {
  return to_hex(of.view()).append(entry_suffix);
}
[[nodiscard]] inline std::optional<fingerprint> fingerprint_of_entry(std::string_view name) {
  if (!name.ends_with(entry_suffix)) return std::nullopt;
  const auto made = strong_from_hex<fingerprint>(name.substr(0, name.size() - entry_suffix.size()));
  return made ? std::optional(*made) : std::nullopt;
}
/// Whether it is what a writer leaves that was killed: ".", an entry's name, "." and 16 digits.
[[nodiscard]] inline bool is_unfinished_entry(std::string_view name) {
  constexpr std::size_t tail = 17;
  if (name.size() <= 1 + tail || name.front() != '.' || name[name.size() - tail] != '.')
    return false;
  return fingerprint_of_entry(name.substr(1, name.size() - 1 - tail)).has_value() &&
         from_hex(name.substr(name.size() - tail + 1)).has_value();
}

/// An entry as it was read. The key is still encrypted.
struct read_entry {
  stored_certificate found;
  bytes encrypted_key;
};

[[nodiscard]] inline bytes encode_entry(const std::vector<certificate>& chain,
                                        bytes_view encrypted_key = {}) {
  bytes made;
  for (const auto& each : chain) append(made, as_bytes(each.pem()));
  append(made, encrypted_key);
  return made;
}

/// Errors: `store_corrupt` for anything that `encode_entry` would not write of this certificate.
[[nodiscard]] inline result<read_entry> decode_entry(bytes_view content, const fingerprint& of) {
  const auto corrupt = [](std::string_view reason) {
    return error(errc::store_corrupt).with(fact::reason, reason);
  };
  const auto at = std::min(as_text(content).find(key_header), content.size());
  auto chain = decode_certificates(content.first(at));
  if (!chain) return corrupt("its content is no certificate").because(chain.error());
  if (encode_entry(*chain) != to_bytes(content.first(at)))
    return corrupt("there is something else around its certificates");
  if (chain->front().fingerprint() != of) return corrupt("its content is another certificate");
  const auto key = content.subspan(at);
  if (!key.empty() && (!as_text(key).ends_with(key_footer) ||
                       as_text(key).find(key_header, 1) != std::string_view::npos))
    return corrupt("there is something behind its private key");
  read_entry made{{chain->front(), {chain->begin() + 1, chain->end()}, !key.empty()},
                  to_bytes(key)};
  return made;
}

/// Whether nobody but an owner who is trusted (this account, or root) can write here, so that what
/// is found was put there by one of them. Errors: `not_permitted`, with the command that corrects
/// it; `not_found`; `store_corrupt` for a symbolic link; `io_failed`.
[[nodiscard]] inline result<void> expect_guarded(const std::string& path,
                                                 ::mode_t forbidden = 0022) {
  struct ::stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return error(errc::not_found).with(fact::file, path);
    return store::detail::system_failure(errno, "examine", path);
  }
  if (S_ISLNK(facts.st_mode)) return store::detail::system_failure(ELOOP, "examine", path);
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
    return error(errc::not_permitted)
        .with(fact::file, path)
        .with(fact::reason, "it belongs to another user")
        .with(fact::actual, facts.st_uid)
        .with(fact::next_step, "chown it, after looking at what is in it");
  if ((facts.st_mode & forbidden) != 0)
    return error(errc::not_permitted)
        .with(fact::file, path)
        .with(fact::reason, (facts.st_mode & 0022U) != 0 ? "others may write it"
                                                         : "others may read its private key")
        .with(fact::next_step,
              forbidden == 0022 ? "chmod go-w it, after looking at what is in it" : "chmod 600 it");
  return done();
}

/// Makes a folder, and those above it that are missing. Errors: `io_failed`.
[[nodiscard]] inline result<void> make_folders(const std::filesystem::path& path, ::mode_t mode) {
  struct ::stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return done();
  const auto above = path.parent_path();
  if (!above.empty() && above != path)
    if (auto made = make_folders(above, mode); !made) return made;
  if (::mkdir(path.c_str(), mode) != 0) {
    if (errno == EEXIST) return done();  // by another process
    return store::detail::system_failure(errno, "make folder", path.string());
  }
  if (::chmod(path.c_str(), mode) != 0)  // whatever the umask left
    return store::detail::system_failure(errno, "set permissions of", path.string());
  using folder = store::detail::folder<store::posix_file_system>;
  auto place = folder::open(above.empty() ? "." : above, {});
  return place ? place->sync() : result<void>(place.error());
}

}  // namespace detail
}  // namespace keywarden::pki
