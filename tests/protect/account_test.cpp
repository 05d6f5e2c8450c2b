#include <keywarden/protect/account.hpp>

#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"
#include "world.hpp"

namespace account_test {

using namespace keywarden;
using namespace keywarden::testing;

/// An environment variable for the length of a test.
class environment {
 public:
  environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

BOOST_AUTO_TEST_CASE(an_account_keeps_the_laws_of_a_protector) {
  const world here;
  keeps_the_laws(hands<protect::account>{.right = here.account("service"),
                                         .wrong = here.account("stranger"),
                                         .missing = here.gone(),
                                         .missing_cannot_hide = errc::secret_unavailable,
                                         .missing_cannot_recover = errc::secret_unavailable});
}

BOOST_AUTO_TEST_CASE(the_secret_of_an_account_does_not_open_for_another_user) {
  const world here;
  const auto file = here / "account.secret";
  const protect::account first(file, 1000);
  const protect::account second(file, 1001);
  BOOST_REQUIRE(accepted(first.provision()));
  const auto data = first.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(protect::account(file, 1000), data)));
  BOOST_TEST(did_not_fit(recover_with(second, data)));
}

BOOST_AUTO_TEST_CASE(only_provision_makes_the_secret) {
  const world here;
  const protect::account absent(here / "state" / "account.secret");
  BOOST_TEST(refused_as(errc::secret_unavailable, absent.hide(the_key(), the_place())));
  BOOST_TEST(!std::filesystem::exists(here / "state"));
  BOOST_REQUIRE(accepted(absent.provision()));
  struct ::stat facts {};
  BOOST_REQUIRE(::stat((here / "state" / "account.secret").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0600U);
  BOOST_REQUIRE(::stat((here / "state").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0700U);
}

BOOST_AUTO_TEST_CASE(provisioning_twice_keeps_the_secret) {
  const world here;
  const auto first = here.account("service");
  const auto data = first.hide(the_key(), the_place()).value().value;
  BOOST_REQUIRE(accepted(first.provision()));
  BOOST_TEST(opened(recover_with(here.account("service"), data)));
}

BOOST_AUTO_TEST_CASE(the_secret_of_an_account_that_its_group_may_read_is_refused) {
  const world here;
  const auto service = here.account("service");
  BOOST_REQUIRE(::chmod(service.file().path().c_str(), 0640) == 0);
  const auto refused = service.hide(the_key(), the_place());
  BOOST_TEST(refused_as(errc::secret_unavailable, refused));
  BOOST_TEST(refused.error().value_of(fact::next_step) == "chmod 0600 the file");
}

BOOST_AUTO_TEST_CASE(the_default_place_follows_the_state_folder_of_the_account) {
  const environment home("HOME", "/home/service");
  {
    const environment state("XDG_STATE_HOME", "/srv/state");
    BOOST_TEST(protect::account::default_path() == "/srv/state/keywarden/account.secret");
  }
  {
    const environment relative("XDG_STATE_HOME",
                               "state");  // the specification ignores relative ones
    BOOST_TEST(protect::account::default_path() ==
               "/home/service/.local/state/keywarden/account.secret");
  }
  const environment none("XDG_STATE_HOME", nullptr);
  BOOST_TEST(protect::account().file().path() ==
             "/home/service/.local/state/keywarden/account.secret");
}

}  // namespace account_test
