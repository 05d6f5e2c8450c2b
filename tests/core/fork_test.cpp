#include <keywarden/core/fork.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

namespace fork_test {

namespace kw = keywarden;

/// What `answer` says in a forked child.
template <class Answer>
bool in_a_child(const Answer& answer) {
  const auto child = ::fork();
  if (child == 0) ::_exit(answer() ? 1 : 0);
  int outcome = 0;
  BOOST_REQUIRE(::waitpid(child, &outcome, 0) == child);
  BOOST_REQUIRE(WIFEXITED(outcome));
  return WEXITSTATUS(outcome) == 1;
}

BOOST_AUTO_TEST_SUITE(core_fork)

BOOST_AUTO_TEST_CASE(a_child_is_noticed_and_its_parent_is_not) {
  const kw::fork_guard guard;
  BOOST_TEST(!guard.forked());
  BOOST_TEST(in_a_child([&] { return guard.forked(); }));
  BOOST_TEST(!guard.forked());
}

BOOST_AUTO_TEST_CASE(what_a_child_makes_or_adopts_is_its_own) {
  kw::fork_guard guard;
  BOOST_TEST(in_a_child([&] {
    guard.adopt();
    return !guard.forked() && !kw::fork_guard().forked();
  }));
}

BOOST_AUTO_TEST_CASE(a_grandchild_is_noticed_as_well) {
  kw::fork_guard guard;
  BOOST_TEST(in_a_child([&] {
    guard.adopt();
    return in_a_child([&] { return guard.forked(); });
  }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace fork_test
