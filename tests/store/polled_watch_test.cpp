#include <keywarden/store/polled_watch.hpp>

#include <thread>

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace polled_watch_test {

using std::chrono::hours;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(polled_watch)

BOOST_AUTO_TEST_CASE(every_interval_is_told_once) {
  store::polled_watch watch(milliseconds(30));
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(!watch.wait(milliseconds(0)).value());
  BOOST_TEST(watch.wait(hours(1)).value());
  BOOST_TEST(watch.wait(hours(1)).value());
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= milliseconds(60)));
}

BOOST_AUTO_TEST_CASE(a_timeout_before_the_end_of_the_interval_is_no_news) {
  store::polled_watch watch(hours(1));
  BOOST_TEST(!watch.wait(milliseconds(5)).value());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_a_wait_at_once) {
  store::polled_watch watch(hours(1));
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  BOOST_TEST(!watch.wait(hours(1), source.get_token()).value());
  BOOST_TEST(!watch.wait(hours(1), source.get_token()).value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace polled_watch_test
}  // namespace keywarden::testing
