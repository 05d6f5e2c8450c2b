#include "identity_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include <keywarden/pki/expiry.hpp>
#include <keywarden/pki/files.hpp>

#include "log.hpp"

namespace tunnel {

namespace fs = std::filesystem;
using kw::errc;
using kw::error;
using kw::fact;

namespace {

constexpr std::size_t most_of_a_text = 1U << 20U;

std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension = {}) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (!at->path().filename().string().starts_with('.') &&  // half-written ones
        (extension.empty() || at->path().extension() == extension))
      found.push_back(at->path());
  if (failed)
    throw kw::refused(error(errc::io_failed)
                          .with(fact::file, folder.string())
                          .with(fact::reason, failed.message()));
  std::ranges::sort(found);
  return found;
}

// The words of a file, one a line; what follows a # is for people.
std::vector<std::string> words_of(const fs::path& path) {
  const auto content = kw::pki::read_file(path, most_of_a_text).value();
  std::vector<std::string> words;
  std::istringstream lines{std::string(kw::as_text(content))};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream before_comment(line.substr(0, line.find('#')));
    for (std::string word; before_comment >> word;) words.push_back(word);
  }
  return words;
}

kw::auth::own_identities read_own(const fs::path& folder) {
  const auto protection = read_password(folder);
  std::vector<kw::pki::identity> all;
  for (const auto& path : files_in(folder / "own", ".crt")) {
    const auto file =
        kw::pki::read_secret_file(fs::path(path).replace_extension(".key"), most_of_a_text).value();
    auto key = kw::pki::decode_private_key(file.view(), &protection).value();
    all.push_back({kw::pki::read_certificates(path).value(),
                   std::make_shared<const kw::pki::signing_key>(std::move(key))});
    if (const auto soon =
            kw::pki::expiry_warning(all.back().chain.front(), kw::system_clock::now()))
      log("warning: " + kw::pki::to_text(*soon));
  }
  return kw::auth::own_identities::of(std::move(all)).value();
}

constexpr kw::object_name endpoint_name("tunnel");
constexpr kw::object_name owner_name("owner-of-the-tunnel");  // may always connect: nobody's login

kw::auth::directory read_directory(const fs::path& folder) {
  kw::auth::directory known;
  known.create_login(owner_name).value();
  for (const auto& path : files_in(folder / "peers", ".crt")) {
    const auto login = kw::object_name::parse(path.stem().string()).value();
    known.create_login(login).value();  // refuses the owner's name
    known.create_user(login, login).value();
    for (const auto& each : kw::pki::read_certificates(path).value()) {
      const auto name = "c" + kw::to_hex(each.fingerprint().view()).substr(0, 40);
      known.add_certificate(kw::object_name::parse(name).value(), each, login).value();
    }
  }
  for (const auto& word : words_of(folder / "grants")) {
    const auto login = kw::object_name::parse(word).value();
    if (known.logins().contains(login))  // else its certificates were taken away first
      known.grant(kw::auth::permission::connect, endpoint_name, login).value();
  }
  return known;
}

kw::trust::leaf_fingerprints read_allowed(const fs::path& folder) {
  std::set<kw::pki::fingerprint> all;
  for (const auto& word : words_of(folder / "allowed"))
    all.insert(kw::pki::parse_fingerprint(word).value());
  return kw::trust::leaf_fingerprints(std::move(all));
}

kw::pki::trust_anchors read_anchors(const fs::path& folder) {
  std::vector<kw::pki::certificate> all;
  for (const auto& path : files_in(folder / "authorities"))
    std::ranges::move(kw::pki::read_certificates(path).value(), std::back_inserter(all));
  return kw::pki::trust_anchors::of(std::move(all)).value();
}

kw::pki::revocation_snapshot read_lists(const fs::path& folder) {
  std::vector<kw::bytes> all;
  for (const auto& path : files_in(folder / "crls"))
    all.push_back(kw::pki::read_file(path, 2 * kw::pki::revocation_list::max_size).value());
  return kw::pki::revocation_snapshot::of(all).value();
}

}  // namespace

kw::password read_password(const fs::path& folder) {
  const auto path = folder / "password";
  const auto refuse = [&](std::string_view reason) {
    return kw::refused(error(errc::secret_unavailable)
                           .with(fact::file, path.string())
                           .with(fact::reason, reason)
                           .with(fact::next_step, "one line, mode 0600"));
  };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw refuse("it cannot be opened");
  struct ::stat facts {};
  kw::plaintext content(1024);
  const bool open_to_others = ::fstat(file, &facts) != 0 || (facts.st_mode & 077U) != 0;
  const auto size = ::read(file, content.view().data(), content.size());
  ::close(file);
  if (open_to_others) throw refuse("others may read it");
  content.shrink(size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto line = content.text().substr(0, content.text().find_first_of("\r\n"));
  if (line.empty()) throw refuse("it is empty");
  return kw::password(line);
}

authentication authentication::load(const fs::path& folder) {
  auto own = read_own(folder);
  const kw::auth::endpoint_access access(read_directory(folder), endpoint_name, owner_name);
  if (!fs::exists(folder / "authorities")) return authentication(pinned(std::move(own), access));
  chained::trust trusting{read_anchors(folder),
                          kw::pki::revocation::offline(read_lists(folder)),
                          {read_allowed(folder)}};
  return authentication(chained(std::move(own), std::move(trusting), access));
}

void authentication::reload(const fs::path& folder) const {
  auto own = read_own(folder);
  auto known = read_directory(folder);
  const auto* by_authority = std::get_if<chained>(&by_);
  if (fs::exists(folder / "authorities") != (by_authority != nullptr))
    throw kw::refused(
        error(errc::invalid_argument)
            .with(fact::reason, "the folder \"authorities\" came or went")
            .with(fact::next_step, "restart, if peers are to be trusted in another way"));
  if (by_authority != nullptr) {
    auto anchors = read_anchors(folder);
    auto lists = read_lists(folder);
    auto allowed = read_allowed(folder);
    by_authority->reload_anchors(std::move(anchors));
    by_authority->reload_revocation(std::move(lists));
    by_authority->reload_allowed(std::move(allowed));
  }
  std::visit(
      [&](const auto& by) {
        by.reload_directory(std::move(known));
        by.reload_own(std::move(own));
      },
      by_);
}

}  // namespace tunnel
