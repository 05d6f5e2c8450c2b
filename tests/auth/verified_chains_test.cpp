// The cache of paths by itself.
#include <keywarden/auth/verified_chains.hpp>

#include <thread>

#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace verified_chains_test {

using auth::chain_key;
using auth::verified_chains;
constexpr auto client = pki::certificate_purpose::client;

struct verified {
  pki::authority root = pki::authority::make_root({.subject = "root"}, today - 2 * a_day).value();
  pki::identity peer = issued(root, "partner");
  pki::trust_anchors anchors = pki::trust_anchors::of({root.certificate()}).value();
  pki::verified_path path = pki::judge_path(std::span(peer.chain), anchors, client,
                                            pki::revocation::no_check{}, {}, today)
                                .value();
  chain_key key = chain_key::of(peer.chain, client, "", anchors.generation(), 0);
};

BOOST_AUTO_TEST_SUITE(verified_chains_cache)

BOOST_AUTO_TEST_CASE(what_was_kept_is_found_for_exactly_the_same_question) {
  verified all;
  verified_chains paths(8);
  BOOST_TEST(!paths.find(all.key, today).has_value());
  paths.keep(all.key, all.path, today);
  BOOST_TEST(paths.find(all.key, today).has_value());
  const auto other = instance("other").chain;
  auto longer = all.peer.chain;
  longer.push_back(other.front());
  auto reordered = longer;
  std::swap(reordered[0], reordered[1]);
  const auto anchors = all.anchors.generation();
  for (const auto& different :
       {chain_key::of(other, client, "", anchors, 0), chain_key::of(longer, client, "", anchors, 0),
        chain_key::of(reordered, client, "", anchors, 0), chain_key::of({}, client, "", anchors, 0),
        chain_key::of(all.peer.chain, pki::certificate_purpose::server, "", anchors, 0),
        chain_key::of(all.peer.chain, client, "partner.test", anchors, 0),
        chain_key::of(all.peer.chain, client, "", anchors + 1, 0),
        chain_key::of(all.peer.chain, client, "", anchors, 1)})
    BOOST_TEST(!paths.find(different, today).has_value());
}

BOOST_AUTO_TEST_CASE(a_path_serves_from_when_it_was_judged_until_it_expires) {
  verified all;
  verified_chains paths(8);
  paths.keep(all.key, all.path, today);
  const auto second = std::chrono::seconds(1);
  BOOST_TEST(!paths.find(all.key, today - second).has_value());
  BOOST_TEST(paths.find(all.key, all.path.valid_until()).has_value());
  BOOST_TEST(!paths.find(all.key, all.path.valid_until() + second).has_value());
  BOOST_TEST(paths.size() == 0U);
}

BOOST_AUTO_TEST_CASE(who_was_not_asked_for_the_longest_goes_first) {
  verified all;
  verified_chains paths(2);
  const auto number = [&](std::uint64_t n) {
    return chain_key::of(all.peer.chain, client, "", all.anchors.generation(), n);
  };
  paths.keep(number(1), all.path, today);
  paths.keep(number(2), all.path, today);
  BOOST_TEST(paths.find(number(1), today).has_value());
  paths.keep(number(3), all.path, today);
  BOOST_TEST(paths.size() == 2U);
  BOOST_TEST(paths.find(number(1), today).has_value());
  BOOST_TEST(!paths.find(number(2), today).has_value());
  BOOST_TEST(paths.find(number(3), today).has_value());
  paths.keep(number(3), all.path, today);
  BOOST_TEST(paths.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_cache_of_none_keeps_none) {
  verified all;
  verified_chains paths(0);
  paths.keep(all.key, all.path, today);
  BOOST_TEST(!paths.find(all.key, today).has_value());
}

BOOST_AUTO_TEST_CASE(eight_threads_never_exceed_the_bound) {
  verified all;
  verified_chains paths(4);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        auto key = all.key;
        key.revocation = (i * 7 + t) % 11;
        if (!paths.find(key, today)) paths.keep(key, all.path, today);
      }
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(paths.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace verified_chains_test

}  // namespace keywarden::testing
