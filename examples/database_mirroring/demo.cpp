// The whole story with three processes: set up, mirrored, the principal killed, taken over,
// rejoined. Each step says what it claims and checks it.
#include <stdlib.h>
#include <sys/stat.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

#include "process.hpp"
#include "program.hpp"

namespace mirroring {
namespace {

using namespace std::chrono_literals;

class story {
 public:
  explicit story(std::filesystem::path program) : program_(std::move(program)) {
    auto pattern = (std::filesystem::temp_directory_path() / "mirroring.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the story");
    folder_ = pattern;
  }
  story(const story&) = delete;
  story& operator=(const story&) = delete;
  ~story() {
    running_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] bool tell() {
    set_up(folder_, three_free_ports());

    say("Mirroring begins");
    for (const auto each : {node::host_a, node::host_b, node::witness}) start(each);
    claim("host_a is the principal and host_b is synchronized", principal_is(node::host_a));
    claim("a client is served only through a socket of this account", control_is_private());
    claim("twenty writes are acknowledged", write(20));
    claim("host_b has them, on its own disk", becomes(node::host_b, {"role=mirror", "rows=20"}));
    claim("the mirror takes no writes",
          ask(folder_, node::host_b, "put\tcustomer\t8", 5s) == "mirror");

    say("The principal is killed");
    kill(node::host_a);
    claim("witness and mirror agree, and host_b takes over",
          becomes(node::host_b, {"role=principal"}));
    claim("nothing that was acknowledged is lost", everything_is_there());
    claim("it serves without its partner", write(10));

    say("The old principal comes back");
    start(node::host_a);
    claim("it is the mirror now, and has caught up", principal_is(node::host_b));
    claim("host_a has all thirty", becomes(node::host_a, {"role=mirror", "rows=30"}));

    say("The witness is killed");
    kill(node::witness);
    claim("principal and mirror go on", write(5));

    say("And the mirror");
    kill(node::host_a);
    claim("a principal that is alone acknowledges nothing",
          becomes_answer(node::host_b, "put\tlonely\t1", "unavailable"));

    say("The mirror comes back first, then the witness");
    start(node::host_a);
    claim("two of three are enough", write(5));
    start(node::witness);
    claim("all three are", principal_is(node::host_b));

    say("The new principal is killed, too");
    kill(node::host_b);
    claim("host_a takes over", becomes(node::host_a, {"role=principal"}));
    claim("nothing that was acknowledged is lost", everything_is_there());
    return all_hold_;
  }

 private:
  void claim(const std::string& words, bool holds) {
    say(std::string(holds ? "  ok     " : "  FAILED ") + words);
    all_hold_ = all_hold_ && holds;
  }
  void start(node which) { running_.try_emplace(which, program_, folder_, name_of(which)); }
  void kill(node which) { running_.erase(which); }

  static bool wait_for(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  /// Whether an instance comes to say all of this about itself.
  bool becomes(node which, const std::vector<std::string>& all) {
    return wait_for([&] {
      const auto answer = ask(folder_, which, "status", 5s);
      if (!answer) return false;
      const auto padded = ' ' + *answer + ' ';
      for (const auto& each : all)
        if (padded.find(' ' + each + ' ') == std::string::npos) return false;
      return true;
    });
  }
  bool becomes_answer(node which, const std::string& asked, const std::string& wanted) {
    return wait_for([&] { return ask(folder_, which, asked, 1s) == wanted; });
  }
  bool principal_is(node which) {
    return becomes(which, {"role=principal", "synchronized=yes"}) &&
           becomes(node::witness, {"principal=" + std::string(name_of(which)), "synchronized=yes"});
  }
  bool control_is_private() {
    struct ::stat found {};
    return ::stat((folder_ / "host_a" / "control").c_str(), &found) == 0 &&
           (found.st_mode & 0777U) == 0600U;
  }
  bool write(int count) {
    for (; count > 0; --count) {
      const auto key = "customer " + std::to_string(written_.size());
      const auto value = std::to_string(1000 + written_.size());
      const auto answer = ask_principal(folder_, "put\t" + key + '\t' + value, 30s);
      if (!answer || !answer->starts_with("ok\t")) return false;
      written_[key] = value;
    }
    return true;
  }
  bool everything_is_there() {
    for (const auto& [key, value] : written_)
      if (ask_principal(folder_, "get\t" + key, 30s) != "value\t" + value) return false;
    return true;
  }

  std::filesystem::path program_;
  std::filesystem::path folder_;
  std::map<node, process> running_;
  std::map<std::string, std::string> written_;
  bool all_hold_ = true;
};

}  // namespace

bool demonstrate(const std::filesystem::path& program) { return story(program).tell(); }

}  // namespace mirroring
