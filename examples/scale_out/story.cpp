// Four servers on one PostgreSQL: they seal and open each other's orders while one rotates the key,
// one joins, one is killed, one leaves, and the database crashes.
#include "story.hpp"

#include <stdlib.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "children.hpp"

namespace farm {
namespace {

class story {
 public:
  explicit story(std::filesystem::path program) : program_(std::move(program)) {
    auto pattern = (std::filesystem::temp_directory_path() / "scale-out.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the story");
    folder_ = pattern;
    ::chmod(folder_.c_str(), 0755);  // the database server is another account
    std::filesystem::create_directory(folder_ / "postgres");
    database_ = std::make_unique<temporary_postgres>(folder_ / "postgres");
  }
  story(const story&) = delete;
  story& operator=(const story&) = delete;
  ~story() {
    members_.clear();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  bool tell() {
    say("Four servers, one database, one key");
    start("web-1");
    claim("web-1 makes the deployment, and its first key", hear("web-1") == "ready");
    for (const auto* each : {"web-2", "web-3", "web-4"})
      claim(std::string(each) + " joins: web-1 approves it, two codes are compared", join(each));
    claim("each seals 25 orders", seal_everywhere(25));
    claim("each opens all of them", all_open_everywhere());
    claim("a secret that one stores, another reads",
          ask("web-2", "put hush-hush-7") == "stored" && ask("web-4", "get") == "hush-hush-7");

    say("One rotates the key");
    const auto before = ask("web-1", "version");
    const auto rotated = ask("web-2", "rotate");
    claim("web-2 rotates it once all four have the new version", rotated != before);
    claim("within a second all seal with it", within_a_second([&] {
            return all([&](const auto& name) { return ask(name, "version") == rotated; });
          }));
    claim("all orders, old and new, open everywhere", seal_everywhere(25) && all_open_everywhere());

    say("One is killed");
    tell_all_to_seal(50);
    members_.erase("web-3");  // SIGKILL, in the middle of its work
    claim("the others go on", heard_from_the_rest());
    start("web-3");
    claim("it comes back by itself: nobody types anything", hear("web-3") == "ready");
    claim("nothing that was acknowledged is lost", all_open_everywhere());

    say("One joins");
    claim("web-5 joins, approved by web-4", join("web-5", "web-4"));
    claim("it opens what was sealed before it came", opens_all("web-5"));

    say("The database crashes");
    tell_all_to_seal(20);
    database_->crash_and_restart();
    static_cast<void>(heard_from_the_rest());  // some have lost their connection to the table
    claim("all go on when it is back", seal_everywhere(10) && all_open_everywhere());

    say("One leaves");
    const auto last = ask("web-1", "leave-and-rotate web-4");
    claim("web-1 removes web-4 and rotates the key", last != rotated);
    claim("the other four seal with the next version", within_a_second([&] {
            return all(
                [&](const auto& name) { return name == "web-4" || ask(name, "version") == last; });
          }));
    claim("web-4 notices, and seals nothing any more",
          within_a_second([&] { return ask("web-4", "seal 1") == "not_activated"; }));
    claim("it opens nothing any more", ask("web-4", "open").starts_with("0 "));
    members_.erase("web-4");
    claim("the others open everything", seal_everywhere(10) && all_open_everywhere());
    claim("four members are left", ask("web-5", "members") == "4");

    say("A thief takes the whole database");
    const auto stolen = database_->dump();
    claim("the orders are in it", stolen.find("COPY public.orders") != std::string::npos);
    claim("none of them can be read, nor the secret",
          stolen.find("order 1") == std::string::npos &&
              stolen.find("hush-hush") == std::string::npos);
    return all_hold_;
  }

 private:
  static void say(const std::string& text) { std::cout << text << std::endl; }
  void claim(const std::string& words, bool holds) {
    say(std::string(holds ? "  ok     " : "  FAILED ") + words);
    all_hold_ = all_hold_ && holds;
  }

  void start(const std::string& name) {
    const auto folder = folder_ / name;
    std::filesystem::create_directory(folder);
    members_.try_emplace(
        name, std::vector<std::string>{program_, "member", folder, name, database_->address()},
        folder / "log");
  }
  [[nodiscard]] std::string hear(const std::string& name) { return members_.at(name).hear(); }
  [[nodiscard]] std::string ask(const std::string& name, const std::string& line) {
    return members_.at(name).ask(line);
  }
  bool join(const std::string& name, const std::string& through = "web-1") {
    start(name);
    const auto ticket = hear(name);  // installation and fingerprint, read out on the telephone
    members_.at(name).tell(ask(through, "approve " + ticket));
    return hear(name) == "ready";
  }
  template <class Holds>
  bool all(Holds&& holds) {
    for (const auto& [name, process] : members_)
      if (!holds(name)) return false;
    return true;
  }
  bool seal_everywhere(int count) {
    return all([&](const auto& name) {
      const auto line = "seal " + std::to_string(count);
      auto said = ask(name, line);
      if (said == "again") said = ask(name, line);
      return !said.empty() && std::isdigit(said[0]) != 0;
    });
  }
  void tell_all_to_seal(int count) {
    for (const auto& [name, process] : members_) process.tell("seal " + std::to_string(count));
  }
  bool heard_from_the_rest() {
    return all([&](const auto& name) { return hear(name) != "gone"; });
  }
  bool opens_all(const std::string& name) {
    auto said = ask(name, "open");
    if (said == "again") said = ask(name, "open");
    std::istringstream words(said);
    std::size_t opened = 0, refused = 1;
    words >> opened >> refused;
    return opened > 0 && refused == 0;
  }
  bool all_open_everywhere() {
    return all([&](const auto& name) { return opens_all(name); });
  }
  static bool within_a_second(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  std::filesystem::path program_;
  std::filesystem::path folder_;
  std::unique_ptr<temporary_postgres> database_;
  std::map<std::string, child> members_;
  bool all_hold_ = true;
};

}  // namespace

bool tell(const std::filesystem::path& program) { return story(program).tell(); }

}  // namespace farm
