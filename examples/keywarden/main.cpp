// keywarden: looks after a key hierarchy from the command line. `keywarden --help` says how.

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iterator>
#include <span>
#include <string>

#include "commands.hpp"

namespace {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;

// No core dump, no debugger, no reading of this process's memory by others of the same account.
bool harden() {
  const struct ::rlimit none { 0, 0 };
  ::signal(SIGPIPE, SIG_IGN);
  return ::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

std::vector<cli::command> all_commands() {
  std::vector<cli::command> all;
  for (const auto& topic :
       {cli::vault_commands, cli::database_commands, cli::key_commands, cli::private_key_commands,
        cli::certificate_commands, cli::certificate_file_commands, cli::certificate_folder_commands,
        cli::authority_commands, cli::config_commands, cli::config_certificate_commands,
        cli::data_commands, cli::server_secret_commands, cli::scale_out_commands,
        cli::principal_commands, cli::endpoint_commands, cli::connection_commands})
    std::ranges::move(topic(), std::back_inserter(all));
  return all;
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const auto each : words) text.append(text.empty() ? "" : " ").append(each);
  return text;
}

// How many of the words name the command, and which it is.
struct chosen {
  const cli::command* found = nullptr;
  std::size_t words = 0;
};
chosen choose(const std::vector<cli::command>& commands, std::span<const std::string_view> words) {
  for (const std::size_t count : {3U, 2U, 1U}) {
    if (words.size() < count) continue;
    const auto at = std::ranges::find(commands, joined(words.first(count)), &cli::command::name);
    if (at != commands.end()) return {&*at, count};
  }
  return {};
}

// The longest beginning of the words that commands begin with: "cert pfx", "cert" or nothing.
std::string group_of(const std::vector<cli::command>& commands,
                     std::span<const std::string_view> words) {
  for (std::size_t count = std::min<std::size_t>(words.size(), 2); count > 0; --count) {
    auto name = joined(words.first(count));
    if (std::ranges::any_of(commands,
                            [&](const auto& each) { return each.name.starts_with(name + " "); }))
      return name;
  }
  return {};
}

int finish(const error& why, bool for_machines) {
  cli::show(why, for_machines);
  return static_cast<int>(cli::status_of(why.code()));
}

int show_help(const std::vector<cli::command>& commands, std::string_view words) {
  const auto text = cli::help_for(commands, words);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

int run(std::span<const std::string_view> words) {
  const auto commands = all_commands();
  const bool for_machines = std::ranges::count(words, "--json") != 0;
  if (!harden())
    return finish(error(errc::io_failed).with(fact::reason, "core dumps cannot be switched off"),
                  for_machines);
  const bool help =
      std::ranges::count(words, "--help") != 0 || std::ranges::count(words, "-h") != 0;
  const auto [asked, used] = choose(commands, words);
  if (asked == nullptr) {
    const bool none = words.empty() || words[0].starts_with('-');
    const auto group = group_of(commands, words);
    if (help && (none || !group.empty())) return show_help(commands, group);
    return finish(cli::usage_error(none ? "no command" : "unknown command", group), for_machines);
  }
  if (help) return show_help(commands, asked->name);
  auto call = cli::invocation::parse(*asked, words.subspan(used));
  if (!call) return finish(call.error(), for_machines);
  cli::context at{*call, {}};
  auto answer = asked->run(at);
  if (!for_machines)
    for (const auto& scheme : at.repaired)
      cli::note("the service master key's way in \"" + scheme +
                "\" did not fit any more and was made anew");
  if (!answer) return finish(answer.error(), for_machines);
  if (!at.repaired.empty()) answer->facts["repaired"] = at.repaired;
  cli::show(*answer, for_machines);
  if (std::fflush(stdout) != 0)
    return finish(error(errc::io_failed).with(fact::operation, "writing to standard output"),
                  for_machines);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<std::string_view> words(arguments + 1, arguments + count);
    return run(words);
  } catch (const std::exception& failed) {
    return finish(error(errc::backend_failed).with(fact::reason, failed.what()), false);
  }
}
