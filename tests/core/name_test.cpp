#include <keywarden/core/name.hpp>

#include <string>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace name_test {

namespace kw = keywarden;
namespace data = boost::unit_test::data;
using kw::errc;
using kw::fact;
using kw::testing::accepted;
using kw::testing::refused_as;

const std::string longest(64, 'n');
const std::string too_long(65, 'n');

const std::vector<std::string> valid_names{
    "a", "Z", "0", "_", "-", "sales", "a.b", "a..", "-rf", "A_b-9", "a-.-", "master_key", longest};
const std::vector<std::string> invalid_names{"",
                                             ".",
                                             "..",
                                             ".hidden",
                                             "a b",
                                             "a/b",
                                             "a\\b",
                                             "a\tb",
                                             "a\n",
                                             " a",
                                             "a ",
                                             "a:b",
                                             "a*",
                                             "a'b",
                                             "a;b",
                                             "caf\xC3\xA9",
                                             "\xFF",
                                             "a%",
                                             std::string("a\0b", 3),
                                             too_long,
                                             "$HOME",
                                             "~",
                                             "a=b",
                                             "a@b",
                                             "\x1B[2J"};

const std::vector<std::string> valid_records{"a", "db/sales/dmk", "1/2/3/4/5/6",
                                             longest + "/" + longest};
const std::vector<std::string> invalid_records{
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "a/./b",
    "a/.b",
    "1/2/3/4/5/6/7",
    "a/b c",
    "../a",
    longest + "/" + longest + "/" + longest + "/" + longest,
    too_long + "/a"};

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(name)

BOOST_DATA_TEST_CASE(a_valid_object_name_is_kept_as_it_is, data::make(valid_names), text) {
  const auto parsed = kw::object_name::parse(text);
  BOOST_REQUIRE(accepted(parsed));
  BOOST_TEST(parsed->text() == text);
}

BOOST_DATA_TEST_CASE(an_invalid_object_name_is_refused, data::make(invalid_names), text) {
  BOOST_TEST(refused_as(errc::invalid_name, kw::object_name::parse(text)));
}

BOOST_AUTO_TEST_CASE(a_refused_name_is_shown_without_what_a_terminal_would_obey) {
  const auto refusal = kw::object_name::parse("a\x1B[2Jb").error();
  BOOST_TEST(refusal.value_of(fact::name) == "a??2Jb");
  BOOST_TEST(kw::object_name::parse(std::string(1000, '\n')).error().value_of(fact::name).size() ==
             64U);
}

BOOST_DATA_TEST_CASE(a_valid_record_name_is_kept_as_it_is, data::make(valid_records), text) {
  const auto parsed = kw::record_name::parse(text);
  BOOST_REQUIRE(accepted(parsed));
  BOOST_TEST(parsed->text() == text);
}

BOOST_DATA_TEST_CASE(an_invalid_record_name_is_refused, data::make(invalid_records), text) {
  BOOST_TEST(refused_as(errc::invalid_name, kw::record_name::parse(text)));
}

BOOST_AUTO_TEST_CASE(a_child_of_a_record_name_lies_below_it) {
  const auto parent = kw::record_name::parse("db/sales").value();
  const auto part = kw::object_name::parse("dmk").value();
  BOOST_TEST(parent.child(part)->text() == "db/sales/dmk");
}

BOOST_AUTO_TEST_CASE(a_child_too_deep_or_too_long_is_refused) {
  const auto part = kw::object_name::parse("x").value();
  BOOST_TEST(refused_as(errc::invalid_name, kw::record_name::parse("1/2/3/4/5/6")->child(part)));
  const auto wide = kw::record_name::parse(longest + "/" + longest + "/" + longest).value();
  BOOST_TEST(refused_as(errc::invalid_name, wide.child(kw::object_name::parse(longest).value())));
}

BOOST_AUTO_TEST_CASE(case_counts) {
  BOOST_TEST((kw::object_name::parse("a").value() != kw::object_name::parse("A").value()));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace name_test
