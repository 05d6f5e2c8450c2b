#include <keywarden/transport/session.hpp>

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

std::atomic<std::ptrdiff_t> held{0};

void* take(std::size_t size, std::size_t alignment) {
  void* made = alignment <= alignof(std::max_align_t) ? std::malloc(size == 0 ? 1 : size)
                                                      : std::aligned_alloc(alignment, size);
  if (made == nullptr) throw std::bad_alloc();
  held += static_cast<std::ptrdiff_t>(::malloc_usable_size(made));
  return made;
}
void give_back(void* made) noexcept {
  if (made == nullptr) return;
  held -= static_cast<std::ptrdiff_t>(::malloc_usable_size(made));
  std::free(made);
}

}  // namespace

void* operator new(std::size_t size) { return take(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto to = static_cast<std::size_t>(alignment);
  return take((size + to - 1) / to * to, to);
}
void operator delete(void* made) noexcept { give_back(made); }
void operator delete(void* made, std::size_t) noexcept { give_back(made); }
void operator delete(void* made, std::align_val_t) noexcept { give_back(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { give_back(made); }

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

namespace {

/// What one of a crowd of handshakes holds, once `begin` was called for each: what came from
/// operator new, and what Botan's wiped buffers took from the C library. (Its locked pool is
/// elsewhere, and is used up by the first few hundred.)
struct footprint {
  std::ptrdiff_t plain, all;
};
template <class Begin>
footprint footprint_of(Begin&& begin, std::ptrdiff_t crowd = 10'000) {
  std::vector<transport::handshake> waiting;
  waiting.reserve(static_cast<std::size_t>(crowd));
  const auto plain = held.load();
  const auto all = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  for (std::ptrdiff_t i = 0; i < crowd; ++i) waiting.push_back(begin());
  const footprint made{
      (held.load() - plain) / crowd,
      static_cast<std::ptrdiff_t>(::mallinfo2().uordblks + ::mallinfo2().hblkhd - all) / crowd};
  BOOST_TEST_MESSAGE("each holds " << made.plain << " bytes of operator new, " << made.all
                                   << " bytes in all");
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_by_half_open_connections)

BOOST_AUTO_TEST_CASE(the_counter_counts) {
  const auto before = held.load();
  const auto block = std::make_unique<bytes>(100000);
  BOOST_TEST(held.load() - before >= 100000);
  BOOST_TEST(block->size() == 100000U);
}

BOOST_AUTO_TEST_CASE(a_connection_that_says_nothing_costs_next_to_nothing) {
  const world of;
  const auto each = footprint_of([&] { return of.accept(); });
  BOOST_TEST(each.plain > 0);
  BOOST_TEST(each.plain < 1024);
  BOOST_TEST(each.all < 1536);
}

BOOST_AUTO_TEST_CASE(a_connection_that_begins_a_hello_costs_little) {
  const world of;
  client theirs(of.them);
  const auto hello = to_bytes(theirs.start().outgoing());
  const auto each = footprint_of([&] {
    auto made = of.accept();
    made.receive(bytes_view(hello).first(hello.size() - 1)).value();
    return made;
  });
  BOOST_TEST(each.plain < 4 * 1024);
  BOOST_TEST(each.all < 5 * 1024);
}

BOOST_AUTO_TEST_CASE(a_connection_that_goes_no_further_than_its_hello_is_bounded) {
  const world of;
  client theirs(of.them);
  const auto hello = to_bytes(theirs.start().outgoing());
  const auto each = footprint_of([&] {
    auto made = of.accept();
    made.receive(hello).value();
    made.sent(made.outgoing().size());
    return made;
  });
  BOOST_TEST(each.plain < 16 * 1024);
  BOOST_TEST(each.all < by_engine(24, 56) * 1024);
}

BOOST_AUTO_TEST_CASE(a_refused_connection_is_no_dearer_than_one_that_waits) {
  const world of;
  client theirs(of.them);
  const auto hello = to_bytes(theirs.start().outgoing());
  const auto each = footprint_of(
      [&] {
        auto made = of.accept();
        made.receive(hello).value();
        BOOST_TEST_REQUIRE(!made.receive(plain_record(content::data, bytes(64))).has_value());
        made.sent(made.outgoing().size());
        return made;
      },
      1000);
  BOOST_TEST(each.plain < 16 * 1024);
  BOOST_TEST(each.all < 20 * 1024);
}

BOOST_AUTO_TEST_SUITE_END()
#endif
