// database_mirroring: two partners and a witness that mirror a SQLite database through Keywarden
// endpoints. Without arguments it tells the whole story; `--help` says what else it does.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "program.hpp"

namespace mirroring {

void say(const std::string& text) {
  std::fputs((text + '\n').c_str(), stdout);
  std::fflush(stdout);
}

namespace {

constexpr std::string_view help =
    R"(database_mirroring: a SQLite database on two hosts, and a witness

  database_mirroring demo                       the whole story, every claim checked (also without
                                                arguments)
  database_mirroring setup FOLDER [PORT]        makes the three instances' keys, certificates,
                                                endpoints (ports PORT to PORT + 2, 7022 by default),
                                                logins, users and grants
  database_mirroring run FOLDER NAME            runs host_a, host_b or witness
  database_mirroring put FOLDER KEY VALUE       writes; done when it cannot be lost any more
  database_mirroring get FOLDER KEY             reads from the principal
  database_mirroring status FOLDER              what each of the three says of itself

Exit status: 0 done; 1 refused, or a claim that does not hold; 2 wrong arguments.
)";

constexpr auto patience = std::chrono::seconds(15);

struct usage {};

node named(std::string_view name) {
  for (const auto each : nodes)
    if (name_of(each) == name) return each;
  throw usage();
}
std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size()) throw usage();
  return port;
}
std::string word(std::string_view text) {
  if (text.find_first_of("\t\n") != std::string_view::npos) throw usage();
  return std::string(text);
}

/// Asks the principal; whether it answered `wanted…`, which is printed without its first word.
bool request(const std::filesystem::path& folder, const std::string& line,
             std::string_view wanted) {
  const auto answer = ask_principal(folder, line, patience);
  if (!answer) {
    say("no principal answers");
    return false;
  }
  const bool good = answer->starts_with(wanted);
  say(good ? answer->substr(wanted.size()) : *answer);
  return good;
}
bool show_status(const std::filesystem::path& folder) {
  for (const auto each : nodes)
    say(std::string(name_of(each)) + ": " +
        ask(folder, each, "status", patience).value_or("does not answer"));
  return true;
}

bool carry_out(std::span<const std::string_view> words) {
  const auto is = [&](std::string_view command, std::size_t operands) {
    return words[0] == command && words.size() == operands + 1;
  };
  if (words.empty() || is("demo", 0)) return demonstrate("/proc/self/exe");
  if (is("--help", 0)) return std::fputs(help.data(), stdout) >= 0;
  if (words.size() < 2) throw usage();
  const std::filesystem::path folder(words[1]);
  if (is("setup", 1)) return set_up(folder, 7022), true;
  if (is("setup", 2)) return set_up(folder, port_of(words[2])), true;
  if (is("run", 2)) return run(folder, named(words[2])), true;
  if (is("put", 3))
    return request(folder, "put\t" + word(words[2]) + '\t' + word(words[3]), "ok\t");
  if (is("get", 2)) return request(folder, "get\t" + word(words[2]), "value\t");
  if (is("status", 1)) return show_status(folder);
  throw usage();
}

}  // namespace
}  // namespace mirroring

int main(int count, char** arguments) {
  const std::vector<std::string_view> words(arguments + 1, arguments + count);
  try {
    return mirroring::carry_out(words) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const mirroring::usage&) {
    std::fputs("database_mirroring --help says how\n", stderr);
    return 2;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "database_mirroring: %s\n", failed.what());
    return EXIT_FAILURE;
  }
}
