#include "authority_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <keywarden/pki/certificate_folder_entry.hpp>

#include "certificates.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;
using keywarden::time_point;

namespace pki = keywarden::pki;

namespace {

constexpr std::string_view certificate_file = "ca.cer";
constexpr std::string_view key_file = "ca.key";
constexpr std::string_view list_file = "ca.crl";
constexpr std::string_view issued_folder = "issued";
constexpr std::string_view suffix = ".cer";

error failed(const std::filesystem::path& path, std::string_view operation) {
  const int number = errno;
  return error(errc::io_failed)
      .with(fact::file, path.string())
      .with(fact::operation, operation)
      .with(fact::reason, std::generic_category().message(number));
}

result<void> write(const std::filesystem::path& path, keywarden::bytes_view data, ::mode_t mode) {
  return pki::detail::write_whole(path, data, mode, pki::if_exists::replace);
}
result<void> write_list(const std::filesystem::path& folder, const pki::revocation_list& list) {
  return write(folder / list_file, list.der(), 0644);
}

result<pki::certificate> read_own(const std::filesystem::path& folder) {
  auto own = pki::read_certificates(folder / certificate_file);
  if (own) return own->front();
  if (own.error() == errc::not_found || own.error() == errc::io_failed)
    return error(errc::not_found)
        .with(fact::kind, "authority")
        .with(fact::file, folder.string())
        .with(fact::next_step, "keywarden ca create " + folder.string());
  return own.error();
}

result<pki::revocation_list> read_list(const std::filesystem::path& folder) {
  auto content = pki::read_file(folder / list_file, pki::revocation_list::max_size);
  if (!content)
    return error(errc::store_corrupt)
        .with(fact::file, (folder / list_file).string())
        .with(fact::reason, "the record of what was revoked cannot be read")
        .with(fact::next_step, "put it back from a backup: without it revocations are forgotten")
        .because(content.error());
  return pki::revocation_list::read(*content);
}

/// Everything a new authority's folder holds.
result<void> fill(const std::filesystem::path& folder, pki::authority& made,
                  const keywarden::bytes& key, time_point now) {
  if (::mkdir((folder / issued_folder).c_str(), 0700) != 0)
    return failed(folder / issued_folder, "make folder");
  auto list = made.issue_list(now);
  if (!list) return list.error();
  if (auto done = write(folder / key_file, key, 0600); !done) return done;
  if (auto done = write_list(folder, *list); !done) return done;
  return write(folder / certificate_file, keywarden::as_bytes(made.certificate().pem()), 0644);
}

}  // namespace

result<pki::certificate> authority_folder::create(const std::filesystem::path& path,
                                                  const pki::certificate_options& options,
                                                  pki::signing_key key, std::size_t path_length,
                                                  const password& protection, time_point now) {
  auto encoded = pki::encode_private_key(key, protection, pki::encoding::pem, password_rules());
  if (!encoded) return encoded.error();
  auto made = pki::authority::make_root(std::move(key), options, now, path_length);
  if (!made) return made.error();
  auto drawn = keywarden::random_public<keywarden::strong_bytes<8, struct new_authority>>();
  if (!drawn) return drawn.error();
  const auto place = path.has_filename() ? path : path.parent_path();  // "ca/" is "ca"
  const auto temporary =
      std::filesystem::path(place.string() + ".new-" + keywarden::to_hex(drawn->view()));
  if (::mkdir(temporary.c_str(), 0700) != 0) return failed(place, "make folder");
  auto done = fill(temporary, *made, *encoded, now);
  // Takes the place of nothing, or of an empty folder.
  if (done && ::rename(temporary.c_str(), place.c_str()) != 0)
    done = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
               ? error(errc::already_exists)
                     .with(fact::file, place.string())
                     .with(fact::next_step, "give another folder: authorities are not replaced")
               : failed(place, "rename");
  if (!done) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    return done.error();
  }
  const auto above = place.has_parent_path() ? place.parent_path() : std::filesystem::path(".");
  const descriptor opened(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.number()) != 0) return failed(above, "fsync");
  return made->certificate();
}

result<authority_folder> authority_folder::open(const std::filesystem::path& path,
                                                const password& protection) {
  auto own = read_own(path);
  if (!own) return own.error();
  if (auto guarded = pki::detail::expect_guarded(path.has_filename() ? path.string()
                                                                     : path.parent_path().string());
      !guarded)
    return guarded.error();
  descriptor lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.number(), LOCK_EX) != 0) return failed(path, "lock");
  constexpr std::size_t largest_key = 32768;
  auto content = pki::read_secret_file(path / key_file, largest_key);
  if (!content) return content.error();
  auto key = pki::decode_private_key(content->view(), &protection);
  if (!key) return error(key.error()).with(fact::file, (path / key_file).string());
  auto opened =
      pki::authority::of({{*own}, std::make_shared<const pki::signing_key>(std::move(*key))});
  if (!opened) return opened.error();
  auto list = read_list(path);
  if (!list) return list.error();
  if (auto resumed = opened->resume(*list); !resumed) return resumed.error();
  return authority_folder(path, std::move(lock), std::move(*opened));
}

result<void> authority_folder::record(const pki::certificate& issued) const {
  return write(path_ / issued_folder / (issued.serial() + std::string(suffix)),
               keywarden::as_bytes(issued.pem()), 0644);
}

result<pki::revocation_list> authority_folder::revoke(const pki::certificate& issued,
                                                      pki::revocation_reason reason, time_point now,
                                                      std::chrono::seconds next_update) {
  auto present = read_list(path_);
  if (!present) return present.error();
  if (const authority_state state{authority_.certificate(), *present, {}}; state.revoked(issued))
    return error(errc::already_exists)
        .with(fact::kind, "revocation")
        .with(fact::name, issued.subject())
        .with(fact::key, issued.serial());
  if (auto done = authority_.revoke(issued, reason, now); !done) return done.error();
  return renew_list(now, next_update);
}

result<pki::revocation_list> authority_folder::renew_list(time_point now,
                                                          std::chrono::seconds next_update) {
  auto list = authority_.issue_list(now, next_update);
  if (!list) return list;
  if (auto written = write_list(path_, *list); !written) return written.error();
  return list;
}

bool authority_state::revoked(const pki::certificate& one) const {
  return list.x509().is_revoked(one.x509());
}

result<authority_state> read_authority(const std::filesystem::path& path) {
  auto own = read_own(path);
  if (!own) return own.error();
  auto list = read_list(path);
  if (!list) return list.error();
  authority_state made{std::move(*own), std::move(*list), {}};
  std::vector<std::filesystem::path> files;
  std::error_code unreadable;
  for (const auto& each : std::filesystem::directory_iterator(path / issued_folder, unreadable))
    if (each.path().extension() == suffix) files.push_back(each.path());
  if (unreadable)
    return error(errc::io_failed)
        .with(fact::file, (path / issued_folder).string())
        .with(fact::reason, unreadable.message());
  std::ranges::sort(files);
  for (const auto& each : files) {
    auto one = pki::read_certificates(each);
    if (!one) return error(one.error()).with(fact::file, each.string());
    made.issued.push_back(std::move(one->front()));
  }
  return made;
}

result<pki::certificate> issued_by(const authority_state& of, const std::string& word) {
  struct ::stat there {};
  if (::stat(word.c_str(), &there) == 0 || word.find_first_of("/.") != std::string::npos) {
    auto all = certificates_of(word);
    if (!all) return all.error();
    return all->front();
  }
  std::string serial;
  for (const char each : word)
    if (each != ':' && each != ' ')
      serial += each >= 'a' && each <= 'f' ? static_cast<char>(each - 'a' + 'A') : each;
  for (const auto& each : of.issued)
    if (each.serial() == serial) return each;
  return error(errc::not_found)
      .with(fact::kind, "certificate of this authority")
      .with(fact::key, word)
      .with(fact::next_step, "keywarden ca list shows their serial numbers");
}

}  // namespace cli
