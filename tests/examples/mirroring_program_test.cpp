// The program database_mirroring on the command line: what it refuses, and how it says so.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "../../examples/database_mirroring/process.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace mirroring_program_test {

const std::filesystem::path program =
    std::filesystem::path(KEYWARDEN_BINARY_DIR) / "examples" / "database_mirroring";

struct outcome {
  int status;
  std::string said;
  [[nodiscard]] bool says(const char* what) const { return said.find(what) != std::string::npos; }
};

/// Runs the program to its end.
class shell {
 public:
  outcome run(const std::vector<std::string>& words) {
    const auto log = folder_ / ("log" + std::to_string(++runs_));
    mirroring::process running(program, words, log);
    const int status = running.wait();
    std::ifstream in(log);
    return {status, std::string(std::istreambuf_iterator<char>(in), {})};
  }
  [[nodiscard]] std::filesystem::path place() const { return folder_ / "session"; }

 private:
  scratch folder_;
  int runs_ = 0;
};

boost::test_tools::assertion_result is_built(boost::unit_test::test_unit_id /*which*/) {
  boost::test_tools::assertion_result built(std::filesystem::exists(program));
  built.message() << "the examples are not built";
  return built;
}

BOOST_AUTO_TEST_SUITE(mirroring_program, *boost::unit_test::precondition(is_built))

BOOST_AUTO_TEST_CASE(wrong_arguments_are_told_apart_from_refusals) {
  shell at;
  const std::vector<std::vector<std::string>> wrong{{"run", "x", "host_c"},
                                                    {"setup"},
                                                    {"setup", "x", "70000"},
                                                    {"setup", "x", "7022 "},
                                                    {"put", "x", "key"},
                                                    {"put", "x", "a\tb", "c"},
                                                    {"demo", "x"}};
  for (const auto& words : wrong) BOOST_TEST(at.run(words).status == 2);
  BOOST_TEST(at.run({"--help"}).status == 0);
}

BOOST_AUTO_TEST_CASE(an_instance_that_was_not_set_up_does_not_run) {
  shell at;
  const auto tried = at.run({"run", at.place().string(), "host_a"});
  BOOST_TEST(tried.status == 1);
  BOOST_TEST(tried.says("setup first"));
  BOOST_TEST(!std::filesystem::exists(at.place()));
}

BOOST_AUTO_TEST_CASE(a_set_up_is_repeated_but_not_changed) {
  shell at;
  const auto place = at.place().string();
  const auto port = mirroring::three_free_ports();
  BOOST_TEST(at.run({"setup", place, std::to_string(port)}).status == 0);
  BOOST_TEST(at.run({"setup", place, std::to_string(port)}).status == 0);
  const auto changed = at.run({"setup", place, std::to_string(port + 3)});
  BOOST_TEST(changed.status == 1);
  BOOST_TEST(changed.says("it differs"));

  // A new, empty database would be a mirror that has lost what it confirmed.
  std::filesystem::remove(at.place() / "host_b" / "data.db");
  BOOST_TEST(at.run({"run", place, "host_b"}).status == 1);
  BOOST_TEST(at.run({"setup", place, std::to_string(port)}).status == 0);
  BOOST_TEST(at.run({"run", place, "host_b"}).status == 1);

  // Nobody runs an instance whose account and machine are both gone: that is the thief's case.
  std::filesystem::remove(at.place() / "host_a" / "account");
  std::filesystem::remove(at.place() / "host_a" / "machine");
  const auto stolen = at.run({"run", place, "host_a"});
  BOOST_TEST(stolen.status == 1);
  BOOST_TEST(stolen.says("account"));
  BOOST_TEST(stolen.says("machine"));
  BOOST_TEST(at.run({"status", place}).says("host_a: does not answer"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mirroring_program_test

}  // namespace keywarden::testing
