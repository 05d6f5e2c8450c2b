#include <keywarden/key/strict_json.hpp>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace strict_json_test {

using namespace keywarden;
using namespace keywarden::testing;
using keywarden::detail::json_reader;
using keywarden::detail::parse_json;
using nlohmann::json;

result<stored_json> parse(std::string_view text) { return parse_json(as_bytes(text)); }

std::string repeated(std::string_view text, std::size_t times) {
  std::string made;
  for (std::size_t i = 0; i < times; ++i) made += text;
  return made;
}

/// Reads one member and finishes.
template <class Read>
result<void> reading(const json& object, Read&& read) {
  json_reader reader(object, "thing");
  (void)read(reader);
  return reader.finish();
}

result<void> number_of(const json& value, std::uint64_t limit = ~std::uint64_t{0}) {
  return reading({{"n", value}}, [&](json_reader& read) { return read.number("n", limit); });
}

BOOST_AUTO_TEST_CASE(json_is_read_as_it_is_written) {
  const auto parsed = parse(R"({"a": [1, 2.5, -3, "x", true, null], "b": {"a": {}}})");
  BOOST_REQUIRE(accepted(parsed));
  BOOST_TEST((parsed->value ==
              json{{"a", {1, 2.5, -3, "x", true, nullptr}}, {"b", {{"a", json::object()}}}}));
}

BOOST_AUTO_TEST_CASE(a_member_that_is_named_twice_is_malformed_at_any_depth) {
  for (const auto* text :
       {R"({"a": 1, "a": 1})", R"({"a": 1, "b": 2, "a": 3})", R"({"x": {"a": 1, "a": 2}})",
        R"([{"a": 1}, {"a": 1, "a": 1}])", R"({"x": [{"y": {"a": 1, "b": {}, "a": 1}}]})",
        R"({"a": 1, "\u0061": 2})", R"({"a": {"b": 1}, "a": {"b": 1}})", R"({"": 1, "": 1})"}) {
    const auto refused = parse(text);
    BOOST_TEST(refused_as(errc::malformed, refused), text);
    BOOST_TEST(refused.error().value_of(fact::reason) == "a member is named twice");
  }
}

BOOST_AUTO_TEST_CASE(the_same_name_in_different_objects_is_no_duplicate) {
  BOOST_TEST(accepted(parse(R"({"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]})")));
}

BOOST_AUTO_TEST_CASE(what_is_not_json_is_malformed) {
  for (const auto* text : {"",
                           " ",
                           "{",
                           "}",
                           "{]",
                           "[1,]",
                           "{\"a\":1,}",
                           "{'a':1}",
                           "{a:1}",
                           "nul",
                           "NaN",
                           "Infinity",
                           "01",
                           "1.",
                           "+1",
                           "\"\n\"",
                           "\"",
                           "{} {}",
                           "{}x",
                           "// c\n{}",
                           "/* c */{}",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\xef\xbb\xbf{}",
                           "{\"a\":1}\xef\xbb\xbf"})
    BOOST_TEST(refused_as(errc::malformed, parse(text)), text);
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf_8_is_malformed) {
  for (const auto* text : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                           "\"\xe2\x82\"", "\"\x80\"", "{\"\xff\": 1}"})
    BOOST_TEST(refused_as(errc::malformed, parse(text)));
  BOOST_TEST(accepted(parse("\"\xe2\x82\xac\"")));
}

BOOST_AUTO_TEST_CASE(nothing_hides_behind_a_zero_byte) {
  using namespace std::string_view_literals;
  for (const auto text : {"{}\0"sv, "{}\0{\"a\": 1}"sv, "\0{}"sv, "{\"a\0\": 1}"sv, "\"\0\""sv})
    BOOST_TEST(refused_as(errc::malformed, parse(text)));
  BOOST_TEST(accepted(parse(R"({"a": "\u0000"})")));
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
  const detail::json_limits limits{.size = 1 << 20, .depth = 8};
  const auto deep = [](std::size_t levels) {
    return repeated("[", levels) + repeated("]", levels);
  };
  BOOST_TEST(accepted(parse_json(as_bytes(deep(8)), limits)));
  const auto refused = parse_json(as_bytes(deep(10)), limits);
  BOOST_TEST(refused_as(errc::malformed, refused));
  BOOST_TEST(refused.error().value_of(fact::reason) == "nested too deeply");
  BOOST_TEST(refused_as(errc::malformed, parse(deep(100))));
}

BOOST_AUTO_TEST_CASE(a_mebibyte_of_brackets_is_refused_without_exhausting_the_stack) {
  constexpr std::size_t half = std::size_t{1} << 19U;
  BOOST_TEST(refused_as(errc::malformed, parse(repeated("[", half) + repeated("]", half))));
  BOOST_TEST(refused_as(errc::malformed, parse(repeated("[", 2 * half))));
  BOOST_TEST(refused_as(errc::malformed, parse(repeated("{\"a\":", half / 3))));
  BOOST_TEST(refused_as(errc::malformed,
                        parse(repeated("{\"a\":", half / 4) + "1" + repeated("}", half / 4))));
}

BOOST_AUTO_TEST_CASE(size_is_bounded_before_parsing) {
  std::string text((1 << 20), 'x');
  text.front() = text.back() = '"';
  BOOST_TEST(accepted(parse(text)));
  text.push_back(' ');
  const auto refused = parse(text);
  BOOST_TEST(refused_as(errc::limit_exceeded, refused));
  BOOST_TEST(refused.error().value_of(fact::actual) == "1048577");
  BOOST_TEST(refused_as(errc::limit_exceeded, parse(std::string((1 << 20) + 1, '['))));
}

BOOST_AUTO_TEST_CASE(a_number_is_a_whole_one_in_its_range_or_refused) {
  BOOST_TEST(accepted(number_of(json::parse("0"))));
  BOOST_TEST(accepted(number_of(json::parse("18446744073709551615"))));
  for (const auto* text : {"-1", "-0", "1.0", "1e3", "0.5", "18446744073709551616", "1e400", "true",
                           "null", "\"1\"", "[1]", "{}"}) {
    const auto value = json::parse(text, nullptr, false);
    BOOST_TEST(refused_as(errc::malformed, number_of(value)), text);
  }
  BOOST_TEST(accepted(number_of(7U, 7)));
  const auto above = number_of(8U, 7);
  BOOST_TEST(refused_as(errc::limit_exceeded, above));
  BOOST_TEST(above.error().value_of(fact::limit) == "7");
  BOOST_TEST(above.error().value_of(fact::actual) == "8");
}

BOOST_AUTO_TEST_CASE(each_kind_of_member_refuses_the_other_kinds) {
  const json values{
      {"text", "00ff"},           {"number", 1U},      {"flag", true}, {"list", json::array()},
      {"object", json::object()}, {"nothing", nullptr}};
  for (const auto& [name, value] : values.items()) {
    const json one{{"m", value}};
    const auto is = [&](std::string_view kind, const result<void>& outcome) {
      if (name == kind)
        BOOST_TEST(accepted(outcome), name);
      else
        BOOST_TEST(refused_as(errc::malformed, outcome), name);
    };
    is("text", reading(one, [](json_reader& read) { return read.text("m"); }));
    is("number", reading(one, [](json_reader& read) { return read.number("m"); }));
    is("flag", reading(one, [](json_reader& read) { return read.flag("m"); }));
    is("list", reading(one, [](json_reader& read) { return read.array("m", 1); }));
    is("object", reading(one, [](json_reader& read) { return read.object("m"); }));
    is("text", reading(one, [](json_reader& read) {
         return read.hex<strong_bytes<2, struct test_tag>>("m");
       }));
    is("text", reading(one, [](json_reader& read) { return read.base64("m", 3); }));
  }
}

BOOST_AUTO_TEST_CASE(a_missing_member_is_malformed_and_names_it) {
  const auto refused =
      reading(json::object(), [](json_reader& read) { return read.text("label"); });
  BOOST_TEST(refused_as(errc::malformed, refused));
  BOOST_TEST(refused.error().value_of(fact::name) == "label");
  BOOST_TEST(refused.error().value_of(fact::kind) == "thing");
  BOOST_TEST(refused.error().value_of(fact::reason) == "missing");
}

BOOST_AUTO_TEST_CASE(an_unknown_member_is_malformed) {
  const auto refused =
      reading({{"a", 1U}, {"b", 2U}}, [](json_reader& read) { return read.number("a"); });
  BOOST_TEST(refused_as(errc::malformed, refused));
  BOOST_TEST(refused.error().value_of(fact::reason) == "an unknown member");
  BOOST_TEST(accepted(reading(json::object(), [](json_reader&) { return 0; })));
}

BOOST_AUTO_TEST_CASE(the_first_problem_is_the_one_that_is_told) {
  const auto refused = reading({{"a", -1}, {"b", std::string(10, 'x')}}, [](json_reader& read) {
    (void)read.number("a");
    (void)read.text("b", 5);
    return read.text("c");
  });
  BOOST_TEST(refused_as(errc::malformed, refused));
  BOOST_TEST(refused.error().value_of(fact::name) == "a");
}

BOOST_AUTO_TEST_CASE(texts_lists_and_bytes_have_limits) {
  BOOST_TEST(
      accepted(reading({{"t", "12345"}}, [](json_reader& read) { return read.text("t", 5); })));
  BOOST_TEST(refused_as(errc::limit_exceeded, reading({{"t", "123456"}}, [](json_reader& read) {
                          return read.text("t", 5);
                        })));
  BOOST_TEST(
      accepted(reading({{"l", {1, 2}}}, [](json_reader& read) { return read.array("l", 2); })));
  BOOST_TEST(refused_as(errc::limit_exceeded, reading({{"l", {1, 2, 3}}}, [](json_reader& read) {
                          return read.array("l", 2);
                        })));
  BOOST_TEST(
      accepted(reading({{"b", "AAAA"}}, [](json_reader& read) { return read.base64("b", 3); })));
  BOOST_TEST(refused_as(errc::limit_exceeded, reading({{"b", "AAAAAAAA"}}, [](json_reader& read) {
                          return read.base64("b", 3);
                        })));
}

BOOST_AUTO_TEST_CASE(hexadecimal_and_base64_have_one_spelling) {
  using two = strong_bytes<2, struct test_tag>;
  for (const auto* text : {"00FF", "0ff", "00f", "", " 00ff", "00ff ", "0x00", "00gg"}) {
    const auto refused =
        reading({{"h", text}}, [](json_reader& read) { return read.hex<two>("h"); });
    BOOST_TEST(!refused, text);
    if (std::string_view(text).size() <= 4) BOOST_TEST(refused_as(errc::malformed, refused), text);
  }
  for (const auto* text :
       {"AA", "AAA", "AA= ", "AA==AA==", "AB==", "A===", "AAA*", "AA\n=", "_-AA"})
    BOOST_TEST(!reading({{"b", text}}, [](json_reader& read) { return read.base64("b", 30); }),
               text);
}

BOOST_AUTO_TEST_CASE(only_an_object_has_members) {
  for (const auto& other : {json(), json(1), json("x"), json::array({1})}) {
    json_reader read(other, "thing");
    BOOST_TEST(read.number("a") == 0U);
    BOOST_TEST(read.text("b").empty());
    BOOST_TEST(!read.has("a"));
    BOOST_TEST(refused_as(errc::malformed, read.finish()));
  }
}

}  // namespace strict_json_test
