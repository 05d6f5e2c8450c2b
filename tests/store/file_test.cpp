#include <keywarden/store/file.hpp>

#include <fstream>
#include <map>
#include <set>

#include "store/laws.hpp"
#include "support/faulty_file_system.hpp"

namespace keywarden::testing {
namespace file_test {

namespace fs = std::filesystem;

struct file_place {
  scratch folder{scratch::on::memory};
  [[nodiscard]] store::file<> open() const {
    return store::file<>::open(folder / "store", {std::chrono::seconds(60)}).value();
  }
};
[[maybe_unused]] const bool laws = store_laws<file_place>::add("file");

/// Every third call is interrupted by a signal, and no read or write moves more than 4,099 bytes.
struct choppy_place {
  scratch folder{scratch::on::memory};
  [[nodiscard]] store::file<faulty_file_system> open() const {
    auto plan = std::make_shared<fault_plan>();
    auto calls = std::make_shared<std::atomic<unsigned>>(0);
    plan->before = [calls](std::string_view) { return ++*calls % 3 == 0 ? EINTR : 0; };
    plan->most_bytes = 4099;
    return store::file<faulty_file_system>::open(folder / "store", {std::chrono::seconds(60)},
                                                 faulty_file_system(plan))
        .value();
  }
};
[[maybe_unused]] const bool choppy_laws = store_laws<choppy_place>::add("file_with_interruptions");

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}
[[nodiscard]] std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}

struct opened {
  scratch folder;
  fs::path path = folder / "store";
  store::file<> in = store::file<>::open(path).value();
};

BOOST_AUTO_TEST_SUITE(file)

BOOST_AUTO_TEST_CASE(a_record_is_a_file_that_only_its_owner_can_read) {
  opened at;
  create(at.in, "db/sales/dmk", "sealed");
  BOOST_TEST(read_file(at.path / "db@sales@dmk") == "sealed");
  BOOST_TEST((fs::status(at.path / "db@sales@dmk").permissions() == fs::perms(0600)));
  BOOST_TEST((fs::status(at.path).permissions() == fs::perms(0700)));
}

BOOST_AUTO_TEST_CASE(a_commit_leaves_only_the_records_behind) {
  opened at;
  create(at.in, "a", "1");
  store::transaction changes;
  changes.create(named("b"), content("2"))
      .replace(named("a"), revision_of(at.in, "a"), content("3"));
  at.in.commit(changes).value();
  std::set<std::string> names;
  for (const auto& each : fs::directory_iterator(at.path)) names.insert(each.path().filename());
  BOOST_TEST(names == (std::set<std::string>{".keywarden", ".lock", "a", "b"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_folder_above_that_is_missing_is_named) {
  scratch folder;
  const auto made = store::file<>::open(folder / "missing" / "store");
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(made.error().value_of(fact::file) == (folder / "missing" / "store").string());
}

BOOST_AUTO_TEST_CASE(a_folder_of_other_things_is_refused_and_left_alone) {
  scratch folder;
  write_file(folder / "letter.txt", "dear");
  const auto made = store::file<>::open(folder.path());
  BOOST_TEST(refusal(made) == "store_corrupt");
  BOOST_TEST(made.error().value_of(fact::file) == (folder / "letter.txt").string());
  BOOST_TEST(!fs::exists(folder / ".lock"));
}

BOOST_AUTO_TEST_CASE(a_store_of_a_later_version_is_refused) {
  { opened at; }
  scratch folder;
  write_file(folder / ".keywarden", "keywarden file store 2\n");
  BOOST_TEST(refusal(store::file<>::open(folder.path())) == "unsupported_version");
  write_file(folder / ".keywarden", "something else");
  BOOST_TEST(refusal(store::file<>::open(folder.path())) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_to_a_folder_is_refused) {
  opened at;
  fs::create_directory_symlink(at.path, at.folder / "link");
  BOOST_TEST(refusal(store::file<>::open(at.folder / "link")) == "io_failed");
  BOOST_TEST(refusal(store::file<>::open((at.folder / "link").string() + "/")) == "io_failed");
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_in_a_records_place_is_refused) {
  opened at;
  write_file(at.folder / "elsewhere", "secret of another");
  fs::create_symlink(at.folder / "elsewhere", at.path / "a");
  BOOST_TEST(refusal(at.in.get(named("a"))) == "store_corrupt");
  BOOST_TEST(refusal(at.in.list("")) == "store_corrupt");
  store::transaction changes;
  changes.create(named("a"), content("x"));
  const auto committed = at.in.commit(changes);
  BOOST_TEST(refusal(committed) == "store_corrupt");
  BOOST_TEST(committed.error().value_of(fact::file) == (at.path / "a").string());
  BOOST_TEST(read_file(at.folder / "elsewhere") == "secret of another");
}

BOOST_AUTO_TEST_CASE(a_folder_or_a_pipe_in_a_records_place_is_refused_without_waiting) {
  opened at;
  fs::create_directory(at.path / "a");
  BOOST_TEST(refusal(at.in.get(named("a"))) == "store_corrupt");
  BOOST_REQUIRE(::mkfifo((at.path / "b").c_str(), 0600) == 0);
  BOOST_TEST(refusal(at.in.get(named("b"))) == "store_corrupt");
  BOOST_TEST(refusal(at.in.list("")) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_file_above_the_limit_is_refused_before_memory_is_taken) {
  opened at;
  write_file(at.path / "a", "");
  fs::resize_file(at.path / "a", std::uintmax_t{1} << 40U);
  const auto found = at.in.get(named("a"));
  BOOST_TEST(refusal(found) == "limit_exceeded");
  BOOST_TEST(found.error().value_of(fact::actual) == "1099511627776");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_record_is_named_by_list) {
  opened at;
  write_file(at.path / "notes~", "");
  const auto found = at.in.list("");
  BOOST_TEST(refusal(found) == "store_corrupt");
  BOOST_TEST(found.error().value_of(fact::file) == (at.path / "notes~").string());
}

BOOST_AUTO_TEST_CASE(garbage_in_the_journals_place_is_refused_and_kept) {
  opened at;
  create(at.in, "a", "1");
  for (const auto& garbage :
       {std::string(), std::string("keywarden journal 1\n"), std::string(4096, '\0')}) {
    write_file(at.path / ".journal", garbage);
    const auto found = at.in.get(named("a"));
    BOOST_TEST(refusal(found) == "store_corrupt");
    BOOST_TEST(found.error().value_of(fact::file) == (at.path / ".journal").string());
    BOOST_TEST(refusal(store::file<>::open(at.path)) == "store_corrupt");
    BOOST_TEST(read_file(at.path / ".journal") == garbage);
  }
}

BOOST_AUTO_TEST_CASE(a_journal_that_names_missing_files_is_refused) {
  opened at;
  const auto sum = store::detail::digest_of(as_bytes("x")).value();
  const auto journal = store::detail::encode_journal({{named("a"), sum}}).value();
  write_file(at.path / ".journal", as_text(journal));
  BOOST_TEST(refusal(at.in.get(named("b"))) == "store_corrupt");
  write_file(at.path / ".new.0", "altered");
  BOOST_TEST(refusal(at.in.get(named("b"))) == "store_corrupt");
  write_file(at.path / ".new.0", "x");
  BOOST_TEST(text_of(at.in, "a") == "x");
  BOOST_TEST(!fs::exists(at.path / ".journal"));
}

BOOST_AUTO_TEST_CASE(a_journal_survives_its_encoding_and_no_altered_byte_is_obeyed) {
  const auto sum = store::detail::digest_of(as_bytes("x")).value();
  const auto journal =
      store::detail::encode_journal({{named("a/b"), sum}, {named("c"), std::nullopt}}).value();
  const auto steps = store::detail::decode_journal(journal).value();
  BOOST_REQUIRE(steps.size() == 2U);
  BOOST_TEST(steps[0].name.text() == "a/b");
  BOOST_TEST((steps[0].content == sum));
  BOOST_TEST(!steps[1].content);
  for (std::size_t i = 0; i < journal.size(); ++i) {
    auto altered = journal;
    altered[i] ^= 1U;
    BOOST_TEST(refusal(store::detail::decode_journal(altered)) == "store_corrupt");
    BOOST_TEST(refusal(store::detail::decode_journal(bytes_view(journal).first(i))) ==
               "store_corrupt");
  }
}

BOOST_AUTO_TEST_CASE(what_a_killed_writer_staged_never_counts_and_is_removed) {
  opened at;
  create(at.in, "a", "1");
  for (const auto* stale : {".new.0", ".new.17", ".new.journal"})
    write_file(at.path / stale, "half a rec");
  BOOST_TEST(names_in(at.in, "") == std::vector<std::string>{"a"},
             boost::test_tools::per_element());
  auto again = store::file<>::open(at.path).value();
  BOOST_TEST(text_of(again, "a") == "1");
  for (const auto* stale : {".new.0", ".new.17", ".new.journal"})
    BOOST_TEST(!fs::exists(at.path / stale), stale);
}

BOOST_AUTO_TEST_CASE(a_store_that_is_in_use_is_busy_after_the_wait) {
  opened at;
  auto hurried = store::file<>::open(at.path, {std::chrono::milliseconds(5)}).value();
  const int lock = ::open((at.path / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  BOOST_REQUIRE(::flock(lock, LOCK_SH) == 0);
  store::transaction changes;
  changes.create(named("a"), content("1"));
  BOOST_TEST(refusal(hurried.commit(changes)) == "store_busy");
  BOOST_TEST(refusal(hurried.get(named("a"))) == "none");
  BOOST_REQUIRE(::flock(lock, LOCK_EX) == 0);
  BOOST_TEST(refusal(hurried.get(named("a"))) == "store_busy");
  ::close(lock);
  BOOST_TEST(refusal(hurried.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(a_folder_that_may_not_be_written_is_named_with_the_next_step) {
  scratch folder;
  auto plan = std::make_shared<fault_plan>();
  const auto place = folder / "store";
  auto in = store::file<faulty_file_system>::open(place, {}, faulty_file_system(plan)).value();
  plan->before = [](std::string_view call) { return call == "write" ? EACCES : 0; };
  store::transaction changes;
  changes.create(named("a"), content("1"));
  const auto committed = in.commit(changes);
  BOOST_TEST(refusal(committed) == "io_failed");
  BOOST_TEST(committed.error().value_of(fact::file).starts_with(place.string()));
  BOOST_TEST(!committed.error().value_of(fact::next_step).empty());
}

/// The records of a store, by name.
using state = std::map<std::string, std::string>;
[[nodiscard]] state state_of(const fs::path& path) {
  auto in = store::file<>::open(path).value();
  state found;
  for (const auto& name : in.list("").value()) found[name.text()] = text_of(in, name.text());
  return found;
}

/// Fails the k-th call (or all from the k-th on) of one commit, for every k that there is.
void every_failure_leaves_before_or_after(bool for_good, const store::transaction& changes,
                                          const state& after) {
  const state before{{"a", "1"}, {"b", "2"}};
  for (int failing = 1;; ++failing) {
    scratch folder(scratch::on::memory);
    const auto place = folder / "store";
    auto plan = std::make_shared<fault_plan>();
    auto in = store::file<faulty_file_system>::open(place, {}, faulty_file_system(plan)).value();
    create(in, "a", "1");
    create(in, "b", "2");
    int calls = 0;
    plan->before = [&](std::string_view) {
      ++calls;
      return calls == failing || (for_good && calls > failing) ? ENOSPC : 0;
    };
    const auto committed = in.commit(changes);
    const bool reached = calls >= failing;
    plan->before = [](std::string_view) { return 0; };
    if (!committed) {
      BOOST_TEST(refusal(committed) == "io_failed");
      BOOST_TEST(committed.error().value_of(fact::file).starts_with(place.string()));
    }
    const auto found = names_in(in, "").size() == 0 ? state{} : state_of(place);
    BOOST_TEST((found == after || (!committed && found == before)), "failing call " << failing);
    store::transaction next;
    next.create(named("later"), content("l"));
    BOOST_TEST(outcome(in.commit(next)) == "committed");
    if (!reached) {
      BOOST_TEST(refusal(committed) == "none");
      BOOST_TEST(failing > 5);
      return;
    }
  }
}

[[nodiscard]] store::revision content_revision(std::string_view text) {
  scratch folder(scratch::on::memory);
  auto in = store::file<>::open(folder / "store").value();
  create(in, "x", text);
  return revision_of(in, "x");
}

BOOST_AUTO_TEST_CASE(every_failing_call_of_a_single_commit_leaves_before_or_after) {
  store::transaction create_one;
  create_one.create(named("c"), content("3"));
  store::transaction erase_one;
  erase_one.erase(named("a"), content_revision("1"));
  for (const bool for_good : {false, true}) {
    every_failure_leaves_before_or_after(for_good, create_one,
                                         {{"a", "1"}, {"b", "2"}, {"c", "3"}});
    every_failure_leaves_before_or_after(for_good, erase_one, {{"b", "2"}});
  }
}

BOOST_AUTO_TEST_CASE(every_failing_call_of_a_commit_of_many_leaves_before_or_after) {
  store::transaction changes;
  changes.replace(named("a"), content_revision("1"), content("1b"))
      .erase(named("b"), content_revision("2"))
      .create(named("c"), content("3"));
  for (const bool for_good : {false, true})
    every_failure_leaves_before_or_after(for_good, changes, {{"a", "1b"}, {"c", "3"}});
}

BOOST_AUTO_TEST_CASE(every_failing_call_of_an_open_is_refused_or_harmless) {
  for (int failing = 1;; ++failing) {
    scratch folder(scratch::on::memory);
    auto plan = std::make_shared<fault_plan>();
    int calls = 0;
    plan->before = [&](std::string_view) { return ++calls == failing ? EIO : 0; };
    const auto made =
        store::file<faulty_file_system>::open(folder / "store", {}, faulty_file_system(plan));
    if (!made) BOOST_TEST(refusal(made) == "io_failed");
    auto again = store::file<>::open(folder / "store").value();
    create(again, "a", "1");
    BOOST_TEST(text_of(again, "a") == "1");
    if (calls < failing) {
      BOOST_TEST(made.has_value());
      return;
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace file_test

}  // namespace keywarden::testing
