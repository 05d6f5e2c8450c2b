/// @file
/// The laws that every key protector keeps, written once for all of them.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/protect/concepts.hpp>

#include "support/refusals.hpp"

namespace keywarden::testing {

/// One kind of protector in three hands, and what each is told.
template <protect::key_protector Protector>
struct hands {
  Protector right;    ///< whose key it is
  Protector wrong;    ///< a stranger with a whole secret of the same kind
  Protector missing;  ///< somebody whose secret is not there
  errc missing_cannot_hide = errc::secret_required;
  errc missing_cannot_recover = errc::secret_required;
  std::optional<errc> wrong_is_told = std::nullopt;  ///< nothing: it did not fit
  bool redundant = false;                            ///< damage to one leg may leave another way in
};

/// What came of a recovery.
struct recovery {
  result<bool> outcome;
  std::vector<secret_key> candidates;
  bool found_the_key = false;
};

[[nodiscard]] inline secret_key the_key() {
  bytes made(32);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::uint8_t>(7 * i + 1);
  return secret_key::copy_of(made);
}

[[nodiscard]] inline protect::slot_context the_place() {
  constexpr std::array<std::uint8_t, 16> id{1, 2, 3, 4};
  return {record_id(id), "symmetric_key", "db/sales/orders", "", nullptr};
}

template <protect::key_protector Protector>
[[nodiscard]] recovery recover_with(const Protector& protector, const nlohmann::json& data,
                                    const protect::slot_context& place = the_place()) {
  recovery made{false, {}, false};
  const auto key = the_key();
  made.outcome = protector.recover(data, place, [&](const secret_key& candidate) -> result<bool> {
    made.candidates.push_back(candidate.duplicate());
    const bool right = candidate == key;
    made.found_the_key = made.found_the_key || right;
    return right;
  });
  return made;
}

[[nodiscard]] inline bool opened(const recovery& made) {
  return made.outcome && *made.outcome && made.found_the_key;
}
[[nodiscard]] inline bool did_not_fit(const recovery& made) {
  return made.outcome && !*made.outcome && !made.found_the_key;
}

/// A slot's data with the value at `where` replaced.
[[nodiscard]] inline nlohmann::json replaced(nlohmann::json data,
                                             const nlohmann::json::json_pointer& where,
                                             nlohmann::json value) {
  data[where] = std::move(value);
  return data;
}

/// Every object, list and value inside `data`, by its place; the whole is not among them.
inline void places_in(const nlohmann::json& data, const nlohmann::json::json_pointer& here,
                      std::vector<nlohmann::json::json_pointer>& found) {
  if (data.is_object())
    for (const auto& [name, value] : data.items()) {
      found.push_back(here / name);
      places_in(value, here / name, found);
    }
  if (data.is_array())
    for (std::size_t i = 0; i < data.size(); ++i) {
      found.push_back(here / i);
      places_in(data[i], here / i, found);
    }
}
[[nodiscard]] inline std::vector<nlohmann::json::json_pointer> places_in(
    const nlohmann::json& data) {
  std::vector<nlohmann::json::json_pointer> found;
  places_in(data, nlohmann::json::json_pointer(), found);
  return found;
}

template <class Protector>
void what_was_hidden_is_found(const hands<Protector>& of) {
  const auto stored = of.right.hide(the_key(), the_place());
  BOOST_REQUIRE(accepted(stored));
  BOOST_TEST(stored->value["scheme"] == Protector::scheme());
  BOOST_TEST(opened(recover_with(of.right, stored->value)));
}

template <class Protector>
void hiding_twice_gives_other_data(const hands<Protector>& of) {
  const auto first = of.right.hide(the_key(), the_place()).value().value;
  const auto second = of.right.hide(the_key(), the_place()).value().value;
  for (const auto& place : places_in(first)) {
    const auto name = place.back();
    if (name == "salt" || name == "hidden" || name == "ciphertext" || name == "password_salt")
      BOOST_TEST(first[place] != second[place], place.to_string());
  }
  BOOST_TEST(opened(recover_with(of.right, first)));
  BOOST_TEST(opened(recover_with(of.right, second)));
  BOOST_TEST(first.dump().find(to_hex(keywarden::detail::view_of(the_key()))) == std::string::npos);
}

template <class Protector>
void a_stranger_does_not_find_it(const hands<Protector>& of) {
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  const auto tried = recover_with(of.wrong, data);
  BOOST_TEST(!tried.found_the_key);
  if (of.wrong_is_told)
    BOOST_TEST(refused_as(*of.wrong_is_told, tried.outcome));
  else
    BOOST_TEST(did_not_fit(tried));
}

template <class Protector>
void a_missing_secret_is_told(const hands<Protector>& of) {
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  BOOST_TEST(refused_as(of.missing_cannot_hide, of.missing.hide(the_key(), the_place())));
  const auto tried = recover_with(of.missing, data);
  BOOST_TEST(refused_as(of.missing_cannot_recover, tried.outcome));
  BOOST_TEST(tried.candidates.empty());
}

template <class Protector>
void it_opens_nowhere_else(const hands<Protector>& of) {
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  auto other_record = the_place();
  other_record.record.view()[15] ^= 1U;
  auto other_kind = the_place();
  other_kind.kind = "credential";
  auto other_name = the_place();
  other_name.name = "db/sales/order";
  auto shifted = the_place();  // the same letters, cut elsewhere
  shifted.kind += "d";
  shifted.name.erase(0, 1);
  for (const auto& place : {other_record, other_kind, other_name, shifted, the_place().leg(0)})
    BOOST_TEST(did_not_fit(recover_with(of.right, data, place)));
}

template <class Protector>
void data_of_another_form_is_malformed(const hands<Protector>& of) {
  using json = nlohmann::json;
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  for (const auto& other : {json(), json(1), json("text"), json::array(), json::object(),
                            json::array({data}), json{{"scheme", Protector::scheme()}}})
    BOOST_TEST(refused_as(errc::malformed, recover_with(of.right, other).outcome), other.dump());

  for (const auto& place : places_in(data)) {
    const bool strict = !of.redundant || place.parent_pointer().empty();
    const auto expect = [&](errc code, const json& tampered, std::string_view how) {
      const auto tried = recover_with(of.right, tampered);
      if (strict)
        BOOST_TEST(refused_as(code, tried.outcome), place.to_string() << ": " << how);
      else
        BOOST_TEST((tried.found_the_key || !tried.outcome || !*tried.outcome));
    };
    for (const auto& value :
         {json(), json(-1), json(1.5), json::array(), json::object(), json(true)})
      if (value.type() != data[place].type())
        expect(errc::malformed, replaced(data, place, value), value.dump());
    if (data[place].is_string()) {
      expect(errc::limit_exceeded, replaced(data, place, std::string(100'000, 'a')), "too long");
    }
    if (data[place].is_object()) {
      auto more = data;
      more[place]["extra"] = 1;
      expect(errc::malformed, more, "an unknown member");
    }
    if (data[place].is_array()) {
      auto more = data;
      more[place].push_back(data[place].front());
      expect(errc::limit_exceeded, more, "one more");
      auto fewer = data;
      fewer[place].erase(0);
      expect(errc::malformed, fewer, "one fewer");
    }
    if (data[place.parent_pointer()].is_object()) {
      auto without = data;
      without[place.parent_pointer()].erase(place.back());
      expect(errc::malformed, without, "missing");
    }
  }
  auto more = data;
  more["extra"] = 1;
  BOOST_TEST(refused_as(errc::malformed, recover_with(of.right, more).outcome));
}

template <class Protector>
void altered_data_never_gives_the_key(const hands<Protector>& of) {
  using json = nlohmann::json;
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  const std::set<errc> may_be_told{errc::malformed,      errc::unknown_key,
                                   errc::truncated,      errc::weaker_than_required,
                                   errc::limit_exceeded, errc::authentication_failed};
  const auto judge = [&](const json& tampered, const json::json_pointer& place) {
    const auto tried = recover_with(of.right, tampered);
    if (of.redundant && !place.parent_pointer().empty()) return;
    BOOST_TEST(!tried.found_the_key, place.to_string());
    if (tried.outcome)
      BOOST_TEST(!*tried.outcome);
    else
      BOOST_TEST(may_be_told.contains(tried.outcome.error().code()),
                 place.to_string() << ": " << tried.outcome.error().message());
  };
  for (const auto& place : places_in(data)) {
    const json& value = data[place];
    if (value.is_string()) {
      const auto text = value.get<std::string>();
      for (const auto at : {std::size_t{0}, text.size() / 2}) {
        auto other = text;
        other[at] = other[at] == '1' ? '2' : '1';
        judge(replaced(data, place, other), place);
      }
      judge(replaced(data, place, ""), place);
      judge(replaced(data, place, text.substr(0, text.size() / 2)), place);
    }
    if (value.is_number())
      for (const std::uint64_t other :
           {std::uint64_t{0}, value.get<std::uint64_t>() + 1, std::uint64_t{0x7fffffff},
            std::uint64_t{0xffffffff}, std::uint64_t{0x100000000}, ~std::uint64_t{0}})
        if (other != value.get<std::uint64_t>()) judge(replaced(data, place, other), place);
  }
}

template <class Protector>
void one_that_was_moved_from_refuses(const hands<Protector>& of) {
  auto first = of.right;
  const auto data = first.hide(the_key(), the_place()).value().value;
  const auto second = std::move(first);
  BOOST_TEST(opened(recover_with(second, data)));
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
  BOOST_TEST(!first.hide(the_key(), the_place()));
  BOOST_TEST(!recover_with(first, data).outcome);
}

template <class Protector>
void a_key_of_another_size_is_refused(const hands<Protector>& of) {
  for (const std::size_t size : {0U, 16U, 31U, 33U, 64U}) {
    const auto key = keywarden::detail::sized_key(size);
    BOOST_TEST(refused_as(errc::invalid_argument, of.right.hide(key, the_place())));
  }
}

template <class Protector>
void a_check_that_fails_opens_nothing(const hands<Protector>& of) {
  const nlohmann::json data = of.right.hide(the_key(), the_place()).value().value;
  const auto outcome = of.right.recover(
      data, the_place(), [](const secret_key&) -> result<bool> { return error(errc::io_failed); });
  BOOST_TEST((!outcome || !*outcome));
}

/// All of them.
template <class Protector>
void keeps_the_laws(const hands<Protector>& of) {
  BOOST_TEST_CONTEXT(Protector::scheme()) {
    what_was_hidden_is_found(of);
    hiding_twice_gives_other_data(of);
    a_stranger_does_not_find_it(of);
    a_missing_secret_is_told(of);
    it_opens_nowhere_else(of);
    data_of_another_form_is_malformed(of);
    altered_data_never_gives_the_key(of);
    one_that_was_moved_from_refuses(of);
    a_key_of_another_size_is_refused(of);
    a_check_that_fails_opens_nothing(of);
  }
}

}  // namespace keywarden::testing
