// secure_tunnel: a TCP service between two machines, for peers that prove who they are.
// `secure_tunnel --help` says how.

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string_view>
#include <vector>

#include "new_identity.hpp"
#include "tunnel.hpp"

namespace {

// No core dump and no debugger: this process holds private keys.
void harden() {
  const struct ::rlimit none { 0, 0 };
  ::signal(SIGPIPE, SIG_IGN);
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    throw keywarden::refused(
        keywarden::error(keywarden::errc::io_failed)
            .with(keywarden::fact::reason, "core dumps cannot be switched off"));
}

int finish(const std::exception& why, int status) {
  std::cerr << "secure_tunnel: " << why.what() << '\n';
  return status;
}

// Each connection needs two descriptors: as many as the system allows.
void allow_many_connections() {
  struct ::rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<std::string_view> words(arguments + 1, arguments + count);
    if (std::ranges::count(words, "--help") != 0) {
      std::cout << tunnel::help;
      return 0;
    }
    const auto asked = tunnel::parse(words);
    harden();
    allow_many_connections();
    if (asked.command == "identity")
      std::cout << tunnel::make_identity(asked.identity, asked.name);
    else
      tunnel::run(asked);
    return 0;
  } catch (const tunnel::misuse& why) {
    return finish(why, 2);
  } catch (const keywarden::refused& why) {
    return finish(why, why.reason().code() == keywarden::errc::io_failed ? 3 : 1);
  } catch (const std::exception& why) {
    return finish(why, 3);
  }
}
