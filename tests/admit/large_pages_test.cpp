#include <keywarden/admit/large_pages.hpp>

#include <cstdint>
#include <new>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace large_pages_test {

struct alignas(64) line {
  std::uint8_t data[64];
};
using keywarden::admit::detail::large_page_allocator;
using lines = std::vector<line, large_page_allocator<line>>;

bool aligned_to(const void* at, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
}

BOOST_AUTO_TEST_SUITE(admit_large_pages)

BOOST_AUTO_TEST_CASE(small_tables_are_aligned_as_their_type_and_large_ones_as_pages) {
  const lines small(100);
  BOOST_TEST(aligned_to(small.data(), alignof(line)));
  const lines large((std::size_t{5} << 20U) / sizeof(line));
  BOOST_TEST(aligned_to(large.data(), large_page_allocator<line>::page));
}

BOOST_AUTO_TEST_CASE(every_byte_of_a_table_that_is_no_multiple_of_a_page_can_be_used) {
  lines made((std::size_t{5} << 20U) / sizeof(line) + 1);
  made.front().data[0] = 1;
  made.back().data[63] = 2;
  const auto copy = made;
  BOOST_TEST(copy.back().data[63] == 2);
}

BOOST_AUTO_TEST_CASE(more_than_there_can_be_is_refused) {
  large_page_allocator<line> memory;
  BOOST_CHECK_THROW(static_cast<void>(memory.allocate(~std::size_t{0} / sizeof(line))),
                    std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace large_pages_test
