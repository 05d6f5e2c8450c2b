#include <keywarden/protect/machine.hpp>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"
#include "world.hpp"

using namespace keywarden;
using namespace keywarden::testing;

BOOST_AUTO_TEST_CASE(a_machine_keeps_the_laws_of_a_protector) {
  const world here;
  keeps_the_laws(hands<protect::machine>{.right = here.machine("one"),
                                         .wrong = here.machine("two"),
                                         .missing = here.unprovisioned("three"),
                                         .missing_cannot_hide = errc::secret_unavailable,
                                         .missing_cannot_recover = errc::secret_unavailable});
}

BOOST_AUTO_TEST_CASE(the_secret_of_a_machine_does_not_open_on_another) {
  const world here;
  write_file(here / "first.id", "0123456789abcdef\n");
  write_file(here / "second.id", "0123456789abcdee\n");
  const protect::machine first(here / "secret", here / "first.id");
  const protect::machine second(here / "secret", here / "second.id");
  BOOST_REQUIRE(accepted(first.provision()));
  const auto data = first.hide(the_key(), the_place()).value().value;
  BOOST_TEST(did_not_fit(recover_with(second, data)));
}

BOOST_AUTO_TEST_CASE(only_the_first_line_names_the_machine) {
  const world here;
  write_file(here / "with.id", "0123456789abcdef\nmore\n");
  write_file(here / "without.id", "0123456789abcdef");
  const protect::machine with(here / "secret", here / "with.id");
  BOOST_REQUIRE(accepted(with.provision()));
  const auto data = with.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(protect::machine(here / "secret", here / "without.id"), data)));
}

BOOST_AUTO_TEST_CASE(a_machine_without_a_name_is_refused_with_the_file) {
  const world here;
  std::filesystem::create_directory(here / "folder");
  write_file(here / "empty", "");
  write_file(here / "blank", "\n0123456789abcdef\n");
  write_file(here / "long", std::string(257, 'a') + "\n");
  write_file(here / "image", "uninitialized\n");
  for (const auto* name : {"absent", "folder", "empty", "blank", "long", "image"}) {
    const protect::machine nameless(here / "secret", here / name);
    BOOST_REQUIRE(accepted(nameless.provision()));
    const auto refused = nameless.hide(the_key(), the_place());
    BOOST_TEST(refused_as(errc::secret_unavailable, refused), name);
    BOOST_TEST(refused.error().value_of(fact::file) == (here / name).string());
  }
}

BOOST_AUTO_TEST_CASE(the_secret_of_a_machine_may_be_shared_with_a_group_and_nobody_else) {
  const world here;
  write_file(here / "id", "0123456789abcdef\n");
  const protect::machine one(here / "state" / "machine.secret", here / "id");
  BOOST_REQUIRE(accepted(one.provision()));
  struct ::stat facts {};
  BOOST_REQUIRE(::stat((here / "state" / "machine.secret").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0640U);
  BOOST_REQUIRE(::stat((here / "state").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0750U);  // or the group could not reach the file
  for (const ::mode_t wider : {0660U, 0644U, 0641U, 0650U}) {
    BOOST_REQUIRE(::chmod((here / "state" / "machine.secret").c_str(), wider) == 0);
    BOOST_TEST(refused_as(errc::secret_unavailable, one.hide(the_key(), the_place())));
  }
}
