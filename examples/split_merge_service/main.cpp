// split_merge_service: moves ranges of keys between shards, on request, over HTTPS.
// `split_merge_service --help` says how.

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <iostream>
#include <string_view>
#include <system_error>
#include <vector>

#include "init.hpp"
#include "web.hpp"
#include "worker_role.hpp"

namespace {

// No core dump and no debugger: these processes hold private keys and credentials.
void harden() {
  const struct ::rlimit none { 0, 0 };
  ::signal(SIGPIPE, SIG_IGN);
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    throw keywarden::refused(
        keywarden::error(keywarden::errc::io_failed)
            .with(keywarden::fact::reason, "core dumps cannot be switched off"));
}

int finish(const std::exception& why, int status) {
  std::cerr << "split_merge_service: " << why.what() << '\n';
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto asked = split_merge::read_options({arguments + 1, arguments + count});
    harden();
    switch (asked.command) {
      case split_merge::command::help:
        std::cout << split_merge::help_text;
        break;
      case split_merge::command::init:
        split_merge::init(asked);
        break;
      case split_merge::command::web:
        split_merge::run_web(asked);
        break;
      case split_merge::command::worker:
        split_merge::run_worker(asked);
        break;
    }
    return 0;
  } catch (const split_merge::misuse& why) {
    return finish(why, 2);
  } catch (const keywarden::refused& why) {
    return finish(why, 1);
  } catch (const std::exception& why) {  // the system's
    return finish(why, 3);
  }
}
