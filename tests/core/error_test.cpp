#include <keywarden/core/error.hpp>

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/result.hpp>

#include "support/refusals.hpp"

namespace error_test {

namespace kw = keywarden;
using kw::errc;
using kw::fact;
using kw::testing::accepted;
using kw::testing::refused_as;

// Every code that exists: those of the whole range that have a name.
std::vector<errc> all_codes() {
  std::vector<errc> found;
  for (unsigned number = 0; number <= 0xFFFF; ++number)
    if (name_of(static_cast<errc>(number)) != "unknown") found.push_back(static_cast<errc>(number));
  return found;
}

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(every_code_has_a_name_and_a_description_of_its_own) {
  std::set<std::string_view> names;
  std::set<std::string_view> descriptions;
  for (const auto code : all_codes()) {
    BOOST_TEST(names.insert(name_of(code)).second, name_of(code));
    BOOST_TEST(descriptions.insert(describe(code)).second, describe(code));
    BOOST_TEST(describe(code) != "unknown error", name_of(code));
  }
  BOOST_TEST(names.size() >= 33U);
}

BOOST_AUTO_TEST_CASE(the_numbers_of_codes_are_stable) {
  BOOST_TEST(static_cast<int>(errc::none) == 0);
  BOOST_TEST(static_cast<int>(errc::invalid_argument) == 100);
  BOOST_TEST(static_cast<int>(errc::password_refused) == 200);
  BOOST_TEST(static_cast<int>(errc::not_permitted) == 211);
  BOOST_TEST(static_cast<int>(errc::malformed) == 300);
  BOOST_TEST(static_cast<int>(errc::authentication_failed) == 306);
  BOOST_TEST(static_cast<int>(errc::secret_unavailable) == 400);
  BOOST_TEST(static_cast<int>(errc::backend_failed) == 500);
}

BOOST_AUTO_TEST_CASE(a_code_that_does_not_exist_is_called_unknown) {
  BOOST_TEST(name_of(static_cast<errc>(9999)) == "unknown");
  BOOST_TEST(describe(static_cast<errc>(9999)) == "unknown error");
}

BOOST_AUTO_TEST_CASE(every_fact_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int number = 0; number <= static_cast<int>(fact::next_step); ++number)
    BOOST_TEST(names.insert(name_of(static_cast<fact>(number))).second);
  BOOST_TEST(!names.contains("fact"));
}

BOOST_AUTO_TEST_CASE(the_message_is_one_sentence_with_facts_causes_and_the_next_step) {
  const auto cause = kw::error(errc::io_failed).with(fact::file, "/var/lib/x");
  const auto text = kw::error(errc::secret_unavailable)
                        .with(fact::scheme, "machine")
                        .with(fact::limit, 32)
                        .with(fact::next_step, "mount the volume")
                        .because(cause)
                        .message();
  BOOST_TEST(text ==
             "a protector's secret cannot be read (scheme: machine, limit: 32); reading or writing "
             "failed (file: /var/lib/x). Next: mount the volume");
}

BOOST_AUTO_TEST_CASE(a_bare_code_makes_a_bare_sentence) {
  BOOST_TEST(kw::error(errc::not_open).message() == "the key is not open");
  BOOST_TEST(kw::error(errc::not_open).with(fact::next_step, "open it").message() ==
             "the key is not open. Next: open it");
}

BOOST_AUTO_TEST_CASE(facts_are_found_by_name_and_absent_ones_are_empty) {
  const auto refusal = kw::error(errc::limit_exceeded).with(fact::limit, 3).with(fact::actual, -4);
  BOOST_TEST(refusal.value_of(fact::limit) == "3");
  BOOST_TEST(refusal.value_of(fact::actual) == "-4");
  BOOST_TEST(refusal.value_of(fact::file).empty());
  BOOST_TEST(refusal.facts().size() == 2U);
}

BOOST_AUTO_TEST_CASE(value_throws_the_typed_refusal_with_its_sentence) {
  const kw::result<int> outcome = kw::error(errc::not_found).with(fact::name, "sales");
  try {
    static_cast<void>(outcome.value());
    BOOST_FAIL("value() of a refusal must throw");
  } catch (const kw::refused& thrown) {
    BOOST_TEST((thrown.reason() == errc::not_found));
    BOOST_TEST(thrown.reason().value_of(fact::name) == "sales");
    BOOST_TEST(std::string(thrown.what()) == "there is nothing of this name (name: sales)");
  }
}

BOOST_AUTO_TEST_CASE(value_of_a_void_refusal_throws_too) {
  const kw::result<void> outcome = kw::error(errc::not_open);
  BOOST_CHECK_THROW(outcome.value(), kw::refused);
  BOOST_TEST(accepted(kw::done()));
}

BOOST_AUTO_TEST_CASE(each_exception_of_the_backend_becomes_its_own_code) {
  const auto thrown = [](auto exception) {
    return kw::detail::guarded("x", [&]() -> int { throw exception; });
  };
  BOOST_TEST(
      refused_as(errc::authentication_failed, thrown(Botan::Invalid_Authentication_Tag("t"))));
  BOOST_TEST(refused_as(errc::malformed, thrown(Botan::Decoding_Error("d"))));
  BOOST_TEST(refused_as(errc::backend_missing, thrown(Botan::Lookup_Error("a", "b", "c"))));
  BOOST_TEST(refused_as(errc::invalid_argument, thrown(Botan::Invalid_Argument("i"))));
  BOOST_TEST(refused_as(errc::invalid_argument, thrown(Botan::Invalid_Key_Length("k", 3))));
  BOOST_TEST(refused_as(errc::backend_failed, thrown(Botan::Invalid_State("s"))));
  BOOST_TEST(thrown(Botan::Invalid_State("s")).error().value_of(fact::operation) == "x");
}

BOOST_AUTO_TEST_CASE(guarded_passes_values_and_refusals_through) {
  BOOST_TEST(kw::detail::guarded("x", [] { return 7; }).value() == 7);
  BOOST_TEST(accepted(kw::detail::guarded("x", [] {})));
  BOOST_TEST(refused_as(errc::not_open, kw::detail::guarded("x", []() -> kw::result<int> {
                          return kw::error(errc::not_open);
                        })));
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_becomes_a_refusal_with_its_reason) {
  const auto thrown = kw::detail::guarded("x", []() -> int { throw std::runtime_error("oh"); });
  BOOST_REQUIRE(refused_as(errc::backend_failed, thrown));
  BOOST_TEST(thrown.error().value_of(fact::reason) == "oh");
  BOOST_TEST(thrown.error().value_of(fact::operation) == "x");
  BOOST_TEST(refused_as(errc::timed_out, kw::detail::guarded("x", []() -> int {
                          return kw::result<int>(kw::error(errc::timed_out)).value();
                        })));
  BOOST_TEST(refused_as(errc::backend_failed,
                        kw::detail::guarded_status([] { throw std::length_error("too long"); })));
  BOOST_CHECK_THROW(static_cast<void>(kw::detail::guarded_status([] { throw std::bad_alloc(); })),
                    std::bad_alloc);
}

BOOST_AUTO_TEST_CASE(running_out_of_memory_is_not_disguised_as_a_refusal) {
  BOOST_CHECK_THROW(
      static_cast<void>(kw::detail::guarded("x", []() -> int { throw std::bad_alloc(); })),
      std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_CASE(a_value_from_a_stranger_writes_no_line_of_its_own) {
  const auto made = kw::error(errc::peer_unknown).with(fact::peer, "CN=x\n\x1b[2Jall is well\x7f");
  BOOST_TEST(made.message() ==
             "the peer's credential is not one this instance knows "
             "(peer: CN=x\\x0a\\x1b[2Jall is well\\x7f)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace error_test
