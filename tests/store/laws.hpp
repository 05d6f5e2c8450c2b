/// @file
/// The laws of `record_store`, to be run over every model.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/store/concepts.hpp>

#include "support/scratch.hpp"

namespace keywarden::testing {

[[nodiscard]] inline record_name named(std::string_view text) {
  return record_name::parse(text).value();
}
[[nodiscard]] inline bytes content(std::string_view text) { return to_bytes(as_bytes(text)); }

/// The record's text, or "(none)".
template <class Store>
[[nodiscard]] std::string text_of(Store& from, std::string_view name) {
  const auto found = from.get(named(name)).value();
  return found ? std::string(as_text(found->data)) : "(none)";
}
template <class Store>
[[nodiscard]] store::revision revision_of(Store& from, std::string_view name) {
  return from.get(named(name)).value().value().revision;
}
template <class Store>
void create(Store& in, std::string_view name, std::string_view text) {
  store::transaction changes;
  changes.create(named(name), content(text));
  in.commit(changes).value();
}
template <class Store>
[[nodiscard]] std::vector<std::string> names_in(Store& from, std::string_view prefix) {
  std::vector<std::string> names;
  for (const auto& each : from.list(prefix).value()) names.push_back(each.text());
  return names;
}
/// The refusal of a commit, with the record it names ("store_conflict a/b"), or "committed".
[[nodiscard]] inline std::string outcome(const result<void>& committed) {
  if (committed) return "committed";
  const auto& refusal = committed.error();
  return std::string(name_of(refusal.code())) + ' ' + std::string(refusal.value_of(fact::name));
}

/// The laws, one function each. `Place::open()` gives a store object; all objects of one `Place`
/// share a place, and a new `Place` is empty.
template <class Place>
struct store_laws {
  static void what_is_committed_is_read_back() {
    Place place;
    auto in = place.open();
    create(in, "db/sales/dmk", "sealed");
    BOOST_TEST(text_of(in, "db/sales/dmk") == "sealed");
    BOOST_TEST(text_of(in, "db/sales") == "(none)");
    store::transaction changes;
    changes.replace(named("db/sales/dmk"), revision_of(in, "db/sales/dmk"), content("again"));
    in.commit(changes).value();
    BOOST_TEST(text_of(in, "db/sales/dmk") == "again");
  }

  static void every_byte_and_an_empty_record_survive() {
    Place place;
    auto in = place.open();
    bytes all(256);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
    store::transaction changes;
    changes.create(named("all"), all).create(named("empty"), {});
    in.commit(changes).value();
    BOOST_TEST((in.get(named("all")).value()->data == all));
    BOOST_TEST(text_of(in, "empty").empty());
    changes = {};
    changes.replace(named("empty"), revision_of(in, "empty"), content("x"));
    BOOST_TEST(outcome(in.commit(changes)) == "committed");
  }

  static void a_mebibyte_survives() {
    Place place;
    auto in = place.open();
    bytes large(std::size_t{1} << 20U);
    for (std::size_t i = 0; i < large.size(); ++i)
      large[i] = static_cast<std::uint8_t>(i * i >> 7U);
    store::transaction changes;
    changes.create(named("large"), large);
    in.commit(changes).value();
    BOOST_TEST((in.get(named("large")).value()->data == large));
  }

  static void the_longest_names_are_stored() {
    Place place;
    auto in = place.open();
    const std::string part(50, 'n');
    const auto longest = part + '/' + part + '/' + part + '/' + part + '/' + part;  // 254
    create(in, longest, "far");
    create(in, longest + 'x', "farther");
    BOOST_TEST(text_of(in, longest) == "far");
    BOOST_TEST(text_of(in, longest + 'x') == "farther");
  }

  static void creating_twice_is_refused_and_names_the_record() {
    Place place;
    auto in = place.open();
    create(in, "a/b", "first");
    store::transaction changes;
    changes.create(named("a/b"), content("second"));
    BOOST_TEST(outcome(in.commit(changes)) == "store_conflict a/b");
    BOOST_TEST(text_of(in, "a/b") == "first");
  }

  static void a_stale_replacement_is_refused_and_nothing_changes() {
    Place place;
    auto in = place.open();
    create(in, "one", "1");
    create(in, "two", "2");
    const auto stale = revision_of(in, "two");
    store::transaction newer;
    newer.replace(named("two"), stale, content("2b"));
    in.commit(newer).value();
    store::transaction changes;
    changes.replace(named("one"), revision_of(in, "one"), content("1b"))
        .create(named("three"), content("3"))
        .replace(named("two"), stale, content("2c"));
    BOOST_TEST(outcome(in.commit(changes)) == "store_conflict two");
    BOOST_TEST(text_of(in, "one") == "1");
    BOOST_TEST(text_of(in, "two") == "2b");
    BOOST_TEST(text_of(in, "three") == "(none)");
  }

  static void replacing_or_erasing_what_is_not_there_is_refused() {
    Place place;
    auto in = place.open();
    create(in, "other", "x");
    const auto some = revision_of(in, "other");
    store::transaction changes;
    changes.replace(named("missing"), some, content("y"));
    BOOST_TEST(outcome(in.commit(changes)) == "store_conflict missing");
    changes = {};
    changes.erase(named("missing"), some);
    BOOST_TEST(outcome(in.commit(changes)) == "store_conflict missing");
    BOOST_TEST(text_of(in, "missing") == "(none)");
  }

  static void an_erased_record_is_gone_and_can_be_made_anew() {
    Place place;
    auto in = place.open();
    create(in, "a", "first");
    const auto first = revision_of(in, "a");
    store::transaction changes;
    changes.erase(named("a"), first);
    in.commit(changes).value();
    BOOST_TEST(text_of(in, "a") == "(none)");
    BOOST_TEST(names_in(in, "").empty());
    create(in, "a", "second");
    changes = {};
    changes.replace(named("a"), first, content("third"));
    BOOST_TEST(outcome(in.commit(changes)) == "store_conflict a");
    BOOST_TEST(text_of(in, "a") == "second");
  }

  static void a_transaction_changes_many_records_at_once() {
    Place place;
    auto in = place.open();
    create(in, "kept", "k");
    create(in, "old", "o");
    create(in, "gone", "g");
    store::transaction changes;
    changes.create(named("new"), content("n"))
        .replace(named("old"), revision_of(in, "old"), content("o2"))
        .erase(named("gone"), revision_of(in, "gone"));
    BOOST_TEST(outcome(in.commit(changes)) == "committed");
    BOOST_TEST(names_in(in, "") == (std::vector<std::string>{"kept", "new", "old"}),
               boost::test_tools::per_element());
    BOOST_TEST(text_of(in, "old") == "o2");
    BOOST_TEST(text_of(in, "kept") == "k");
  }

  static void an_empty_transaction_changes_nothing() {
    Place place;
    auto in = place.open();
    BOOST_TEST(outcome(in.commit({})) == "committed");
    BOOST_TEST(names_in(in, "").empty());
  }

  static void list_is_sorted_and_honours_its_prefix() {
    Place place;
    auto in = place.open();
    for (const auto* name : {"db/b", "db/a/x", "db", "db-1", "dbx", "db.y", "db_z", "DB", "a"})
      create(in, name, name);
    const auto all = names_in(in, "");
    BOOST_TEST(std::is_sorted(all.begin(), all.end()));
    BOOST_TEST(all.size() == 9U);
    BOOST_TEST(names_in(in, "db/") == (std::vector<std::string>{"db/a/x", "db/b"}),
               boost::test_tools::per_element());
    BOOST_TEST(names_in(in, "db").size() == 7U);
    BOOST_TEST(names_in(in, "db/a/x").size() == 1U);
    BOOST_TEST(names_in(in, "zz").empty());
    BOOST_TEST(names_in(in, "d%").empty());
    BOOST_TEST(names_in(in, "\xff").empty());
  }

  static void a_record_above_the_limit_is_refused_before_anything_changes() {
    Place place;
    auto in = place.open();
    store::transaction changes;
    changes.create(named("small"), content("s"))
        .create(named("huge"), bytes(store::max_record_size + 1));
    BOOST_TEST(outcome(in.commit(changes)) == "limit_exceeded huge");
    BOOST_TEST(names_in(in, "").empty());
  }

  static void naming_a_record_twice_is_refused_before_anything_changes() {
    Place place;
    auto in = place.open();
    store::transaction changes;
    changes.create(named("a"), content("1"))
        .create(named("b"), content("2"))
        .create(named("a"), content("3"));
    BOOST_TEST(outcome(in.commit(changes)) == "invalid_argument a");
    BOOST_TEST(names_in(in, "").empty());
  }

  static void two_objects_see_each_others_commits() {
    Place place;
    auto one = place.open();
    auto other = place.open();
    create(one, "a", "from one");
    BOOST_TEST(text_of(other, "a") == "from one");
    const auto seen = revision_of(one, "a");
    store::transaction changes;
    changes.replace(named("a"), revision_of(other, "a"), content("from the other"));
    other.commit(changes).value();
    BOOST_TEST(text_of(one, "a") == "from the other");
    changes = {};
    changes.replace(named("a"), seen, content("late"));
    BOOST_TEST(outcome(one.commit(changes)) == "store_conflict a");
  }

  static void a_moved_store_goes_on() {
    Place place;
    auto first = place.open();
    create(first, "a", "1");
    auto second = std::move(first);
    BOOST_TEST(text_of(second, "a") == "1");
    first = place.open();
    create(first, "b", "2");
    BOOST_TEST(text_of(second, "b") == "2");
  }

  static void what_one_object_commits_a_later_one_reads() {
    Place place;
    {
      auto in = place.open();
      create(in, "a", "1");
    }
    auto later = place.open();
    BOOST_TEST(text_of(later, "a") == "1");
  }

  /// Eight threads, half of them on an object of their own, add one to a counter; none is lost.
  static void concurrent_increments_are_never_lost() {
    constexpr int threads = 8;
    constexpr int increments = 25;
    Place place;
    auto shared = place.open();
    create(shared, "counter", "0");
    std::vector<std::string> refusals(threads);
    const auto count = [](auto& in, std::string& refusal) {
      for (int done = 0; done < increments;) {
        const auto found = in.get(named("counter"));
        if (!found || !*found) {
          refusal = found ? "lost" : found.error().message();
          return;
        }
        const auto next = std::stoi(std::string(as_text((*found)->data))) + 1;
        store::transaction changes;
        changes.replace(named("counter"), (*found)->revision, content(std::to_string(next)));
        if (auto committed = in.commit(changes); committed) {
          ++done;
        } else if (!(committed.error() == errc::store_conflict)) {
          refusal = committed.error().message();
          return;
        }
      }
    };
    std::vector<decltype(place.open())> own;
    for (int i = 0; i < threads / 2; ++i) own.push_back(place.open());
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i)
      running.emplace_back([&, i] { count(i < own.size() ? own[i] : shared, refusals[i]); });
    for (auto& each : running) each.join();
    for (const auto& each : refusals) BOOST_TEST(each.empty(), each);
    BOOST_TEST(text_of(shared, "counter") == std::to_string(threads * increments));
  }

  /// Adds the laws to the suite "store_laws/<model>".
  static bool add(const std::string& model) {
    namespace test = boost::unit_test;
    auto* const suite = new test::test_suite("store_laws_" + model, __FILE__, __LINE__);
    const std::pair<const char*, void (*)()> laws[] = {
        {"what_is_committed_is_read_back", what_is_committed_is_read_back},
        {"every_byte_and_an_empty_record_survive", every_byte_and_an_empty_record_survive},
        {"a_mebibyte_survives", a_mebibyte_survives},
        {"the_longest_names_are_stored", the_longest_names_are_stored},
        {"creating_twice_is_refused_and_names_the_record",
         creating_twice_is_refused_and_names_the_record},
        {"a_stale_replacement_is_refused_and_nothing_changes",
         a_stale_replacement_is_refused_and_nothing_changes},
        {"replacing_or_erasing_what_is_not_there_is_refused",
         replacing_or_erasing_what_is_not_there_is_refused},
        {"an_erased_record_is_gone_and_can_be_made_anew",
         an_erased_record_is_gone_and_can_be_made_anew},
        {"a_transaction_changes_many_records_at_once", a_transaction_changes_many_records_at_once},
        {"an_empty_transaction_changes_nothing", an_empty_transaction_changes_nothing},
        {"list_is_sorted_and_honours_its_prefix", list_is_sorted_and_honours_its_prefix},
        {"a_record_above_the_limit_is_refused_before_anything_changes",
         a_record_above_the_limit_is_refused_before_anything_changes},
        {"naming_a_record_twice_is_refused_before_anything_changes",
         naming_a_record_twice_is_refused_before_anything_changes},
        {"two_objects_see_each_others_commits", two_objects_see_each_others_commits},
        {"a_moved_store_goes_on", a_moved_store_goes_on},
        {"what_one_object_commits_a_later_one_reads", what_one_object_commits_a_later_one_reads},
        {"concurrent_increments_are_never_lost", concurrent_increments_are_never_lost}};
    for (const auto& [name, law] : laws)
      suite->add(test::make_test_case(std::function<void()>(law), name, __FILE__, __LINE__));
    test::framework::current_auto_test_suite().add(suite);
    return true;
  }
};

}  // namespace keywarden::testing
