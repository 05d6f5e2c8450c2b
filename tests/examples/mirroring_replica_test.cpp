// The databases of examples/database_mirroring: what one records, another carries out, and undoes.
#include "../../examples/database_mirroring/replica.cpp"

#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace mirroring_replica_test {

using mirroring::ballot;
using mirroring::ballot_record;
using mirroring::node;
using mirroring::position;
using mirroring::replica;

/// A principal's database and its mirror's.
struct pair {
  pair() : from(created("from.db")), to(created("to.db")) {}
  [[nodiscard]] std::filesystem::path created(const std::string& name) const {
    replica::create(folder / name);
    return folder / name;
  }

  void copy_next() {
    const auto next = to.last().lsn + 1;
    to.apply(from.newest({next, 1000}), from.change(next));
  }
  void copy_all() {
    while (to.last() != from.last()) copy_next();
  }

  scratch folder{scratch::on::memory};
  replica from;
  replica to;
};

/// The code with which `act` is refused; `none` when it is not.
errc refusal_of(const auto& act) {
  try {
    act();
  } catch (const refused& why) {
    return why.reason().code();
  }
  return errc::none;
}

BOOST_AUTO_TEST_SUITE(mirroring_replica)

BOOST_AUTO_TEST_CASE(a_mirror_that_applies_every_change_has_the_same_rows) {
  pair both;
  both.from.originate(1, {"a", "1"});
  both.from.originate(1, {"b", "2"});
  both.from.originate(2, {"a", "3"});
  both.from.originate(2, {"a", "3"});  // changes nothing, and is an entry all the same
  both.copy_all();
  BOOST_TEST(both.to.value("a").value() == "3");
  BOOST_TEST(both.to.value("b").value() == "2");
  BOOST_TEST(both.to.rows() == 2U);
  BOOST_TEST((both.to.last() == position{4, 2}));
}

BOOST_AUTO_TEST_CASE(rolling_back_restores_what_was_there_before) {
  pair both;
  both.from.originate(1, {"a", "1"});
  both.from.originate(1, {"a", "2"});
  both.from.originate(2, {"b", "3"});
  both.from.roll_back_to(1);
  BOOST_TEST(both.from.value("a").value() == "1");
  BOOST_TEST(!both.from.value("b").has_value());
  BOOST_TEST((both.from.last() == position{1, 1}));
  both.from.roll_back_to(0);
  BOOST_TEST(both.from.rows() == 0U);
  BOOST_TEST((both.from.last() == position{}));
}

BOOST_AUTO_TEST_CASE(a_change_that_does_not_fit_is_refused_and_changes_nothing) {
  pair both;
  both.from.originate(1, {"a", "1"});
  both.from.originate(1, {"a", "2"});
  both.to.originate(1, {"a", "something else"});
  BOOST_TEST((refusal_of([&] { both.copy_next(); }) == errc::store_corrupt));
  BOOST_TEST(both.to.value("a").value() == "something else");
  BOOST_TEST((both.to.last() == position{1, 1}));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_change_are_refused) {
  pair both;
  const bytes nonsense{'T', 2, 1, 0, 'i', 't', 'e', 'm', 's', 0, 99, 98, 97};
  BOOST_TEST((refusal_of([&] { both.to.apply({1, 1}, nonsense); }) != errc::none));
  BOOST_TEST((both.to.last() == position{}));
  BOOST_TEST(both.to.rows() == 0U);
}

BOOST_AUTO_TEST_CASE(the_log_and_the_state_are_not_replicated_themselves) {
  pair both;
  both.from.save_term(9);
  both.from.originate(9, {"a", "1"});
  both.copy_all();
  BOOST_TEST(both.to.term() == 0U);
  BOOST_TEST((both.to.last() == position{1, 9}));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_there_when_it_is_opened_again) {
  const scratch folder(scratch::on::memory);
  replica::create(folder / "data.db");
  {
    replica it(folder / "data.db");
    it.save_term(3);
    it.originate(3, {"a", "1"});
  }
  const replica again(folder / "data.db");
  BOOST_TEST(again.term() == 3U);
  BOOST_TEST((again.last() == position{1, 3}));
  BOOST_TEST(again.value("a").value() == "1");
}

BOOST_AUTO_TEST_CASE(the_newest_entry_is_limited_by_number_and_by_term) {
  pair both;
  for (const std::uint64_t term : {1U, 1U, 4U, 4U, 7U})
    both.from.originate(term, {"key", std::to_string(term)});
  BOOST_TEST((both.from.newest({5, 7}) == position{5, 7}));
  BOOST_TEST((both.from.newest({5, 6}) == position{4, 4}));
  BOOST_TEST((both.from.newest({3, 9}) == position{3, 4}));
  BOOST_TEST((both.from.newest({5, 3}) == position{2, 1}));
  BOOST_TEST((both.from.newest({5, 0}) == position{}));
}

BOOST_AUTO_TEST_CASE(a_ballot_is_there_when_it_is_opened_again) {
  const scratch folder(scratch::on::memory);
  ballot_record::create(folder / "data.db");
  BOOST_TEST((ballot_record(folder / "data.db").load() == ballot{}));
  ballot_record(folder / "data.db").save({5, node::host_b, true, 3});
  BOOST_TEST((ballot_record(folder / "data.db").load() == ballot{5, node::host_b, true, 3}));
}

BOOST_AUTO_TEST_CASE(a_database_that_is_gone_is_not_made_anew) {
  const scratch folder(scratch::on::memory);
  BOOST_TEST((refusal_of([&] { replica it(folder / "data.db"); }) == errc::io_failed));
  BOOST_TEST((refusal_of([&] { ballot_record it(folder / "data.db"); }) == errc::io_failed));
  replica::create(folder / "data.db");
  BOOST_TEST((refusal_of([&] { replica::create(folder / "data.db"); }) != errc::none));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_is_refused) {
  const scratch folder(scratch::on::memory);
  std::ofstream(folder / "data.db")
      << "this is no database, and it is longer than a header is: " << std::string(200, '.');
  BOOST_TEST((refusal_of([&] { replica it(folder / "data.db"); }) == errc::store_corrupt));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mirroring_replica_test

}  // namespace keywarden::testing
