#include <keywarden/core/random.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/encoding.hpp>

#include "support/memory_map.hpp"
#include "support/refusals.hpp"

namespace random_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;

using block = std::array<std::uint8_t, 32>;

template <class Source>
block draw(Source& source) {
  block made{};
  source.fill(made).value();
  return made;
}

/// What a forked child draws from the generator that it inherits.
block draw_in_child(kw::nonce_generator& generator) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    block made{};
    const bool ok = generator.fill(made).has_value();
    const auto written = ::write(ends[1], made.data(), made.size());
    ::_exit(ok && written == static_cast<ssize_t>(made.size()) ? 0 : 1);
  }
  block made{};
  BOOST_REQUIRE(::read(ends[0], made.data(), made.size()) == static_cast<ssize_t>(made.size()));
  int status = 1;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(status == 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return made;
}

/// The contents of every page that the kernel wipes in a forked child: the generators' pages.
kw::bytes generator_pages() {
  kw::bytes all;
  for (const auto& each : kw::testing::mappings_of("self"))
    if (each.has("wf")) {
      BOOST_TEST(each.has("dd"), "a generator's page must stay out of core dumps");
      kw::append(all, kw::testing::read_memory("self", each.begin, each.end - each.begin));
    }
  return all;
}

bool contains(const kw::bytes& all, kw::bytes_view part) {
  return std::ranges::search(all, part).begin() != all.end();
}

struct exhausted {
  kw::result<void> fill(kw::mutable_bytes) { return kw::error(errc::io_failed); }
};
static_assert(kw::random_source<exhausted>);

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(random)

BOOST_AUTO_TEST_CASE(two_generators_differ_and_one_never_repeats_itself) {
  kw::nonce_generator first;
  kw::nonce_generator second;
  std::set<block> seen;
  for (int i = 0; i < 600; ++i) {  // several refills
    BOOST_TEST(seen.insert(draw(first)).second);
    BOOST_TEST(seen.insert(draw(second)).second);
  }
}

BOOST_AUTO_TEST_CASE(a_forked_child_never_repeats_its_parents_bytes) {
  kw::nonce_generator generator;
  static_cast<void>(draw(generator));  // seeded, with most of its buffer left
  const auto in_child = draw_in_child(generator);
  const auto in_second_child = draw_in_child(generator);
  const auto in_parent = draw(generator);
  BOOST_TEST((in_child != in_parent));
  BOOST_TEST((in_child != in_second_child));
  BOOST_TEST((in_second_child != in_parent));
  BOOST_TEST((in_child != block{}));
}

BOOST_AUTO_TEST_CASE(bytes_handed_out_are_gone_from_the_generators_page) {
  kw::nonce_generator generator;
  static_cast<void>(draw(generator));
  const auto before = generator_pages();
  const auto drawn = draw(generator);
  const auto after = generator_pages();
  BOOST_TEST(contains(before, drawn));  // they were buffered there
  BOOST_TEST(!contains(after, drawn));  // and are not any more
}

BOOST_AUTO_TEST_CASE(a_refill_replaces_the_key_that_made_the_previous_bytes) {
  kw::nonce_generator generator;
  static_cast<void>(draw(generator));
  const auto before = generator_pages();
  kw::bytes rest(3072);
  generator.fill(rest).value();
  const auto after = generator_pages();
  // No 32 bytes of the old page, its key among them, are in the new one.
  for (std::size_t at = 0; at + 32 <= before.size(); at += 8) {
    const auto old = kw::bytes_view(before).subspan(at, 32);
    if (std::ranges::all_of(old, [](auto byte) { return byte == 0; })) continue;
    if (at == 0) continue;  // counters
    BOOST_TEST(!contains(after, old));
  }
}

BOOST_AUTO_TEST_CASE(a_request_larger_than_the_buffer_is_filled_to_its_end) {
  kw::nonce_generator generator;
  kw::bytes large(5000, 0);
  BOOST_REQUIRE(accepted(generator.fill(large)));
  std::set<kw::bytes> seen;
  for (std::size_t at = 0; at + 20 <= large.size(); at += 20) {
    const kw::bytes part(large.begin() + static_cast<std::ptrdiff_t>(at),
                         large.begin() + static_cast<std::ptrdiff_t>(at + 20));
    BOOST_TEST((part != kw::bytes(20, 0)));
    BOOST_TEST(seen.insert(part).second);
  }
  BOOST_TEST(accepted(generator.fill({})));
}

BOOST_AUTO_TEST_CASE(a_moved_generator_goes_on) {
  kw::nonce_generator first;
  const auto before = draw(first);
  kw::nonce_generator second(std::move(first));
  BOOST_TEST((draw(second) != before));
}

BOOST_AUTO_TEST_CASE(the_deterministic_generator_is_frozen) {
  // The low bytes of SplitMix64's published outputs for seed 0: e220a8397b1dcdaf, 6e789e6aa1b965f4,
  // ...
  kw::hazmat::deterministic_random source(0, kw::hazmat::insecure_access::i_know_what_i_do());
  std::array<std::uint8_t, 5> made{};
  source.fill(made).value();
  BOOST_TEST(kw::to_hex(made) == "aff44fec9b");
}

BOOST_AUTO_TEST_CASE(the_systems_generator_gives_different_keys) {
  const auto first = kw::random_key().value();
  BOOST_TEST(first.size() == 32U);
  BOOST_TEST(!(first == kw::random_key().value()));
  BOOST_TEST(kw::random_key(64)->size() == 64U);
  BOOST_TEST((kw::random_public<kw::salt>().value() != kw::random_public<kw::salt>().value()));
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_gives_no_key) {
  BOOST_TEST(refused_as(errc::io_failed, kw::random_key(32, exhausted{})));
  BOOST_TEST(refused_as(errc::io_failed, kw::random_public<kw::salt>(exhausted{})));
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_inside_the_backend_is_a_refusal) {
  exhausted source;
  BOOST_TEST(refused_as(errc::backend_failed, kw::detail::guarded("draw", [&] {
                          kw::detail::botan_random<exhausted> random(source);
                          random.random_vec<std::vector<std::uint8_t>>(8);
                        })));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace random_test
