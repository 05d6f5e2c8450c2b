#include <keywarden/vault/scale_out.hpp>

#include <atomic>
#include <chrono>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

// Holds within a second, or not at all.
template <class Condition>
[[nodiscard]] bool within_a_second(Condition&& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_following)

BOOST_AUTO_TEST_CASE(a_follower_sees_a_rotation_within_a_second) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto following = second.follow({std::chrono::milliseconds(10), {}});
  const auto version = first.rotate(std::chrono::seconds(5)).value();  // needs the second's word
  const auto key = second.key<rows>();
  BOOST_TEST(within_a_second([&] { return key.current().value()->active() == version; }));
  BOOST_TEST((following.last_problem().code() == errc::none));
}

BOOST_AUTO_TEST_CASE(a_follower_reports_what_goes_wrong_and_goes_on) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  std::atomic<int> problems{0};
  const auto following = first.follow({std::chrono::milliseconds(5), [&](const kw::error& what) {
                                         if (what == errc::not_found) ++problems;
                                       }});
  const auto key = shared.read(shared_place::key_name);
  shared.write(shared_place::key_name, std::nullopt);
  BOOST_TEST(within_a_second([&] { return problems > 2; }));
  BOOST_TEST((following.last_problem() == errc::not_found));
  shared.write(shared_place::key_name, key);
  BOOST_TEST(within_a_second([&] { return following.last_problem() == errc::none; }));
}

BOOST_AUTO_TEST_SUITE_END()
