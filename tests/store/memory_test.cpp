#include <keywarden/store/memory.hpp>

#include "store/laws.hpp"

namespace keywarden::testing {
namespace memory_test {

struct memory_place {
  store::memory place;
  [[nodiscard]] store::memory open() const { return place.share(); }
};
[[maybe_unused]] const bool laws = store_laws<memory_place>::add("memory");

BOOST_AUTO_TEST_SUITE(memory)

BOOST_AUTO_TEST_CASE(separate_memories_share_nothing) {
  store::memory one;
  store::memory other;
  create(one, "a", "1");
  BOOST_TEST(text_of(other, "a") == "(none)");
}

BOOST_AUTO_TEST_CASE(a_place_outlives_the_object_that_made_it) {
  auto first = std::make_unique<store::memory>();
  auto second = first->share();
  create(*first, "a", "1");
  first.reset();
  BOOST_TEST(text_of(second, "a") == "1");
}

BOOST_AUTO_TEST_CASE(revisions_never_repeat) {
  store::memory in;
  create(in, "a", "same");
  const auto first = revision_of(in, "a");
  store::transaction changes;
  changes.erase(named("a"), first);
  in.commit(changes).value();
  create(in, "a", "same");
  BOOST_TEST((revision_of(in, "a") != first));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace memory_test

}  // namespace keywarden::testing
