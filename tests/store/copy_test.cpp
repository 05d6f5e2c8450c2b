#include <keywarden/store/copy.hpp>

#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/store/sqlite.hpp>

#include "store/laws.hpp"

namespace keywarden::testing {
namespace copy_test {

/// Gives a changed record back at its second reading.
struct forgetful : store::memory {
  static constexpr std::string_view kind = "forgetful";
  int readings = 0;
  result<std::optional<store::stored_record>> get(const record_name& name) {
    auto found = store::memory::get(name);
    if (found && *found && ++readings > 1) (*found)->data.push_back(1);
    return found;
  }
};

BOOST_AUTO_TEST_SUITE(copy)

BOOST_AUTO_TEST_CASE(every_record_arrives_as_it_was_and_back_again) {
  scratch folder;
  auto from = store::sqlite::open(folder / "from.db").value();
  create(from, "a", "1");
  create(from, "db/b", std::string(300000, 'x'));
  create(from, "empty", "");
  auto middle = store::file<>::open(folder / "middle").value();
  BOOST_TEST(store::copy_records(from, middle).value() == 3U);
  auto to = store::sqlite::open(folder / "to.db").value();
  BOOST_TEST(store::copy_records(middle, to).value() == 3U);
  BOOST_TEST(names_in(to, "") == names_in(from, ""), boost::test_tools::per_element());
  for (const auto* name : {"a", "db/b", "empty"})
    BOOST_TEST(text_of(to, name) == text_of(from, name));
}

BOOST_AUTO_TEST_CASE(a_store_with_records_is_no_target) {
  store::memory from, to;
  create(from, "a", "1");
  create(to, "b", "2");
  const auto copied = store::copy_records(from, to);
  BOOST_TEST((copied.error() == errc::already_exists));
  BOOST_TEST(copied.error().value_of(fact::name) == "b");
  BOOST_TEST(names_in(to, "").size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_empty_store_is_copied) {
  store::memory from, to;
  BOOST_TEST(store::copy_records(from, to).value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_copy_that_differs_is_refused) {
  forgetful from;
  create(from, "a", "1");
  store::memory to;
  const auto copied = store::copy_records(from, to);
  BOOST_TEST((copied.error() == errc::store_corrupt));
  BOOST_TEST(copied.error().value_of(fact::name) == "a");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace copy_test
}  // namespace keywarden::testing
