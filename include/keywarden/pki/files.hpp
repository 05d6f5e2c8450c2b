/// @file
/// Certificates and keys as files, and what people compare after exchanging them.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <botan/pem.h>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/pki/dates.hpp>
#include <keywarden/pki/private_key_file.hpp>
#include <keywarden/store/folder.hpp>

namespace keywarden::pki {

/// Whether an existing file may be replaced.
enum class if_exists : std::uint8_t { refuse, replace };

namespace detail {

/// Whose a file is, and what its owner, its group and others may do with it.
struct file_access {
  struct owner {
    ::uid_t user;
    ::gid_t group;
  };
  ::mode_t mode = 0600;
  std::optional<owner> belongs_to = std::nullopt;  ///< none: to whoever writes it
};

/// Gives a file that was just made its owner and its permissions. Only who is permitted to (root,
/// as a rule) gives a file away; otherwise it keeps at least the group, or else neither the new
/// group nor others, among whom the old one would be, get anything.
/// Errors: `io_failed`.
[[nodiscard]] inline result<void> set_access(int file, const file_access& wanted,
                                             const std::string& path) {
  auto mode = wanted.mode;
  if (const auto& to = wanted.belongs_to)
    if (::fchown(file, to->user, to->group) != 0 &&
        ::fchown(file, static_cast<::uid_t>(-1), to->group) != 0)
      mode &= ~::mode_t{077};  // its group is another one now
  if (::fchmod(file, mode) == 0) return done();
  return store::detail::system_failure(errno, "set permissions of", path);
}

/// Writes a whole file: a temporary one beside it, synced, then given its name at once, so that
/// nobody ever reads half of it. Errors: `already_exists`; `io_failed` with the file.
[[nodiscard]] inline result<void> write_whole(const std::filesystem::path& path, bytes_view data,
                                              const file_access& access, if_exists existing) {
  using folder = store::detail::folder<store::posix_file_system>;
  const auto name = path.filename().string();
  if (name.empty() || name == "." || name == "..")
    return error(errc::invalid_argument)
        .with(fact::file, path.string())
        .with(fact::reason, "it names no file");
  auto place = folder::open(path.has_parent_path() ? path.parent_path() : ".", {});
  if (!place) return place.error();
  auto suffix = random_public<strong_bytes<8, struct temporary_tag>>();
  if (!suffix) return suffix.error();
  const auto temporary = "." + name + "." + to_hex(suffix->view());
  const auto from = place->path_of(temporary);
  const auto to = place->path_of(name);
  auto written = [&]() -> result<void> {
    const auto prepare = [&](int file) { return set_access(file, access, from); };
    if (auto stored = place->write(temporary, data, prepare); !stored) return stored;
    if (existing == if_exists::replace) return place->rename(temporary, name);
    if (::link(from.c_str(), to.c_str()) == 0) return place->remove(temporary);
    if (errno != EEXIST) return store::detail::system_failure(errno, "name", to);
    return error(errc::already_exists).with(fact::kind, "file").with(fact::file, to);
  }();
  if (!written) {
    (void)place->remove(temporary);
    return written;
  }
  return place->sync();
}
[[nodiscard]] inline result<void> write_whole(const std::filesystem::path& path, bytes_view data,
                                              ::mode_t mode, if_exists existing) {
  return write_whole(path, data, file_access{mode}, existing);
}

}  // namespace detail

/// The content of a file of at most `limit` bytes; nobody wipes it (see `read_secret_file`).
/// Errors: `not_found`, `limit_exceeded`,
/// `store_corrupt` for what is no regular file, `io_failed`.
[[nodiscard]] inline result<bytes> read_file(const std::filesystem::path& path, std::size_t limit) {
  using folder = store::detail::folder<store::posix_file_system>;
  auto place = folder::open(path.has_parent_path() ? path.parent_path() : ".", {});
  if (!place) return place.error();
  auto content = place->read(path.filename().string(), limit);
  if (!content) return content.error();
  if (!*content) return error(errc::not_found).with(fact::file, path.string());
  return std::move(**content);
}

/// The same for a private key or a password: in memory that is wiped, and no other copy stays
/// behind. Errors: as `read_file`.
[[nodiscard]] inline result<plaintext> read_secret_file(const std::filesystem::path& path,
                                                        std::size_t limit) {
  auto content = read_file(path, limit);
  if (!content) return content.error();
  auto made = plaintext::copy_of(*content);
  keywarden::detail::wipe(*content);
  return made;
}

/// The certificates of a file's content: one in DER, or any number in PEM (at most 64), in their
/// order. Other PEM blocks, such as private keys, are refused. Errors: `malformed`,
/// `limit_exceeded`.
[[nodiscard]] inline result<std::vector<certificate>> decode_certificates(bytes_view content) {
  constexpr std::size_t most = 64;
  constexpr std::string_view begin = "-----BEGIN ";
  if (content.empty() || content[0] == 0x30) {
    auto one = certificate::from_der(content);
    if (!one) return one.error();
    return std::vector<certificate>{std::move(*one)};
  }
  std::vector<certificate> all;
  const auto text = as_text(content);
  for (auto at = text.find(begin); at != std::string_view::npos;) {
    const auto next = text.find(begin, at + begin.size());
    auto one = certificate::from_pem(text.substr(at, next - at));
    if (!one) return one.error();
    if (all.size() == most)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificates in a file")
          .with(fact::limit, most);
    all.push_back(std::move(*one));
    at = next;
  }
  if (all.empty())
    return error(errc::malformed)
        .with(fact::kind, "certificate")
        .with(fact::reason, "neither DER nor PEM");
  return all;
}

/// Reads the certificates of a file. Errors: as `read_file` and `decode_certificates`.
[[nodiscard]] inline result<std::vector<certificate>> read_certificates(
    const std::filesystem::path& path) {
  auto content = read_file(path, std::size_t{1} << 20U);
  if (!content) return content.error();
  return decode_certificates(*content);
}

/// Writes the public part of an identity (BACKUP CERTIFICATE … TO FILE), mode 0644. Errors:
/// `already_exists`, `io_failed`.
[[nodiscard]] inline result<void> write_certificate(const std::filesystem::path& path,
                                                    const certificate& from, encoding as,
                                                    if_exists existing = if_exists::refuse) {
  const auto data = as == encoding::der ? from.der() : to_bytes(as_bytes(from.pem()));
  return detail::write_whole(path, data, 0644, existing);
}

/// Writes a private key, always under a password (see `encode_private_key`), mode 0600. Errors:
/// `password_refused`, `already_exists`, `io_failed`, `backend_failed`.
[[nodiscard]] inline result<void> write_private_key(const std::filesystem::path& path,
                                                    const signing_key& key,
                                                    const password& protection, encoding as,
                                                    const password_policy& rules = {},
                                                    if_exists existing = if_exists::refuse) {
  auto data = encode_private_key(key, protection, as, rules);
  if (!data) return data.error();
  return detail::write_whole(path, *data, 0600, existing);
}

/// What to tell the people at the other end, who read it over another channel (a telephone, a
/// signed letter) and compare it with what `keywarden cert inspect` says of the file they received.
[[nodiscard]] inline std::string exchange_text(const certificate& sent,
                                               const std::filesystem::path& file) {
  return "Certificate file:    " + file.filename().string() +
         "\nSubject:             " + sent.subject() +
         "\nValid until:         " + to_text(sent.not_after()) +
         "\nSHA-256 fingerprint: " + to_text(sent.fingerprint()) +
         "\nCopy the file, then compare the fingerprint over another channel before trusting it.\n";
}

}  // namespace keywarden::pki
