#include "config_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <keywarden/config/files.hpp>

#include "files.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::result;

namespace config = keywarden::config;
namespace pki = keywarden::pki;

namespace {

/// The file, and nobody else changes it meanwhile with this program. A changed file is another one
/// of the same name, so the lock counts only if the name is still that file's.
result<descriptor> locked(const std::string& path) {
  for (;;) {
    descriptor file(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
    struct ::stat held {};
    struct ::stat named {};
    if (!file || ::flock(file.number(), LOCK_EX) != 0 || ::fstat(file.number(), &held) != 0) {
      const int number = errno;
      return error(number == ENOENT ? errc::not_found : errc::io_failed)
          .with(fact::file, path)
          .with(fact::reason, std::generic_category().message(number));
    }
    if (::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
        held.st_dev == named.st_dev)
      return file;
  }
}

}  // namespace

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string summary(const config::finding_list& all) {
  return counted(all.count(config::severity::error), "error") + ", " +
         counted(all.count(config::severity::warning), "warning");
}

result<answer> in_file(const context& at, const change& make) {
  const std::string path(at.call.operand(0));
  auto held = locked(path);
  if (!held) return held.error();
  auto text = config::read_file(path);
  if (!text) return text.error();
  auto made = make(text->text(), path);
  if (!made) return made.error();
  const bool same = made->text == text->view();
  if (!same)
    if (auto written = config::write_file(path, made->text.text()); !written)
      return written.error();
  const auto after = config::check(made->text.text()).findings;
  answer told(same ? "It was so already: nothing changed." : made->said);
  if (after.first_error() != nullptr || after.count(config::severity::warning) != 0)
    told.text += "\nThe file has " + summary(after) + ": keywarden config check " + path;
  told.facts = {{"file", path},
                {"changed", !same},
                {"errors", after.count(config::severity::error)},
                {"warnings", after.count(config::severity::warning)}};
  return told;
}

result<changed> finished(const config::edit& from, const std::string& path, std::string said) {
  auto text = from.finish({}, path);
  if (!text) {
    const auto next = text.error().value_of(fact::next_step);
    return error(text.error())
        .with(fact::state, "the file was not changed")
        .with(fact::next_step, next.empty() ? "make the change that goes with it first" : next);
  }
  return changed{std::move(*text), std::move(said)};
}

std::string role_of(const context& at) { return at.call.value(options::in_role.name).value_or(""); }

std::string dropped_text(const pki::dropped_characters& dropped) {
  std::string text;
  const auto add = [&](std::size_t count, std::string_view what) {
    if (count != 0) text.append(text.empty() ? "" : ", ").append(counted(count, what));
  };
  add(dropped.invisible, "invisible character");
  add(dropped.spaces, "space");
  add(dropped.separators, "separator");
  return text;
}

std::string list_text(const std::vector<pki::thumbprint>& all) {
  std::string text;
  for (const auto& each : all) text.append(text.empty() ? "" : ",").append(each.text());
  return text;
}

}  // namespace cli
