// Many servers, one key: a scale-out deployment on PostgreSQL, as a story with four processes.
// `scale_out --help` says more.
#include <csignal>
#include <exception>
#include <iostream>
#include <span>
#include <string_view>

#include "children.hpp"
#include "member.hpp"
#include "story.hpp"

namespace {

constexpr std::string_view help = R"(scale_out
    Plays the story of a deployment: four servers on one PostgreSQL, which is started in a temporary
    folder. Exits with 0 when every claim held. Needs PostgreSQL's server programs.

scale_out member FOLDER NAME ADDRESS
    One server of it: its own vault is in FOLDER, the shared store in the database at ADDRESS.
    Takes commands on its standard input.
)";

int run(std::span<const std::string_view> words) {
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h")) {
    std::cout << help;
    return 0;
  }
  if (words.size() == 4 && words[0] == "member")
    return farm::serve(words[1], std::string(words[2]), std::string(words[3]));
  if (!words.empty()) {
    std::cerr << help;
    return 2;
  }
  if (!farm::temporary_postgres::programs()) {
    std::cerr << "PostgreSQL's server programs are not installed (Debian: postgresql)\n";
    return 3;
  }
  return farm::tell("/proc/self/exe") ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const std::vector<std::string_view> words(arguments + 1, arguments + count);
    return run(words);
  } catch (const std::exception& failed) {
    std::cerr << "scale_out: " << failed.what() << '\n';
    return 1;
  }
}
