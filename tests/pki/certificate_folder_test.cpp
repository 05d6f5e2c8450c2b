// Certificate stores on a file system: what is imported is found, and nothing else is believed.
#include <keywarden/pki/certificate_folder.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/fixture.hpp"
#include "support/scratch.hpp"

namespace keywarden::pki {
namespace certificate_folder_test {

using testing::accepted;
using testing::day;
using testing::noon;
using testing::refused_as;
using testing::scratch;
using enum store_name;

const password own_password("Store-Pass-7");
const password file_password("Export-Pass-8");

certificate leaf(const std::string& name = "db1") {
  return make_self_signed(signing_key::generate().value(), {name}, noon).value();
}
const authority& office() {
  static const auto one = authority::make_root({"root"}, noon).value();
  return one;
}
const identity& own() {
  static const auto one =
      office().issue_identity({"me"}, certificate_purpose::client, noon).value();
  return one;
}
i_confirm_this_root_is_trusted compared(const certificate& root) {
  return i_confirm_this_root_is_trusted(
      parse_fingerprint(to_text(root.fingerprint())).value());  // as a person reads it out
}
unsigned mode_of(const std::filesystem::path& path) {
  struct ::stat status {};
  BOOST_REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}
void put(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  ::chmod(path.c_str(), 0600);
}
std::filesystem::path file_of(const certificate_folder& in, store_name store,
                              const fingerprint& of) {
  return in.path() / name_of(store) / (to_hex(of.view()) + ".pem");
}

/// A variable of the environment as it was, again.
class variable {
 public:
  variable(std::string name, const char* value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    set(value);
  }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;
  ~variable() { set(old_ ? old_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    if (value != nullptr)
      ::setenv(name_.c_str(), value, 1);
    else
      ::unsetenv(name_.c_str());
  }
  std::string name_;
  std::optional<std::string> old_;
};

/// Another user than root while it lives; the tests may run as root.
class nobody {
 public:
  nobody() {
    if (::geteuid() == 0) dropped_ = ::seteuid(65534) == 0;
  }
  nobody(const nobody&) = delete;
  nobody& operator=(const nobody&) = delete;
  ~nobody() {
    if (dropped_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool dropped_ = false;
};

BOOST_AUTO_TEST_SUITE(certificate_folder_and_location)

BOOST_AUTO_TEST_CASE(what_is_imported_is_listed_and_found_by_everything_people_copy) {
  const scratch here;
  const certificate_folder folder(here / "deep/certificates");
  const auto one = leaf("db1");
  const auto two = leaf("db2");
  BOOST_TEST((folder.import(trusted_people, one).value() == one.fingerprint()));
  BOOST_TEST((folder.import(trusted_people, two).value() == two.fingerprint()));
  const auto all = folder.list(trusted_people).value();
  BOOST_TEST(all.certificates.size() == 2U);
  BOOST_TEST(all.foreign.empty());

  BOOST_TEST((folder.find(trusted_people, one.fingerprint()).value().shown == one));
  for (const auto by : {thumbprint_algorithm::sha1, thumbprint_algorithm::sha256})
    BOOST_TEST((folder.find(trusted_people, thumbprint_of(two, by)).value().shown == two));
  const auto pasted = "\xe2\x80\x8e" + to_text(one.fingerprint());
  BOOST_TEST((folder.find(trusted_people, pasted).value().shown == one));
  BOOST_TEST(folder.find_subject(trusted_people, "db2").value().size() == 1U);
  BOOST_TEST(folder.find_subject(trusted_people, two.subject()).value().size() == 1U);
  BOOST_TEST(folder.find_subject(trusted_people, "db").value().empty());
  BOOST_TEST(mode_of(here / "deep") == 0700U);
  BOOST_TEST(mode_of(file_of(folder, trusted_people, one.fingerprint())) == 0644U);
}

BOOST_AUTO_TEST_CASE(an_empty_folder_lists_nothing_and_is_not_made_by_reading) {
  const scratch here;
  const certificate_folder folder(here / "none");
  const auto one = leaf();
  BOOST_TEST(folder.list(personal).value().certificates.empty());
  BOOST_TEST(folder.anchors().value().empty());
  BOOST_TEST(refused_as(errc::not_found, folder.find(personal, one.fingerprint())));
  BOOST_TEST(refused_as(errc::not_found,
                        folder.find(personal, thumbprint_of(one, thumbprint_algorithm::sha1))));
  BOOST_TEST(refused_as(errc::malformed, folder.find(personal, "no thumbprint")));
  BOOST_TEST(refused_as(errc::not_found, folder.remove(personal, one.fingerprint())));
  BOOST_TEST(refused_as(errc::not_found, folder.load_identity(one.fingerprint(), own_password)));
  BOOST_TEST(!std::filesystem::exists(here / "none"));
}

BOOST_AUTO_TEST_CASE(a_root_is_trusted_only_after_its_own_fingerprint_was_compared) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto& root = office().certificate();
  const auto bare = folder.import(trusted_roots, root);
  BOOST_REQUIRE(refused_as(errc::not_permitted, bare));
  BOOST_TEST(bare.error().value_of(fact::key) == to_text(root.fingerprint()));
  const auto other = authority::make_root({"root"}, noon).value().certificate();
  BOOST_TEST(refused_as(errc::not_permitted, folder.import(compared(other), root)));
  BOOST_TEST(folder.anchors().value().empty());

  BOOST_TEST((folder.import(compared(root), root).value() == root.fingerprint()));
  BOOST_TEST((folder.anchors().value().certificates() == std::vector{root}));
  const auto self_signed = leaf();
  BOOST_TEST(
      refused_as(errc::certificate_usage, folder.import(compared(self_signed), self_signed)));
  BOOST_TEST(refused_as(errc::certificate_usage, folder.import(authorities, self_signed)));
  BOOST_TEST(accepted(folder.import(authorities, root)));
}

BOOST_AUTO_TEST_CASE(a_cer_file_is_imported_in_der_and_in_pem) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto one = leaf("db1");
  const auto two = leaf("db2");
  BOOST_REQUIRE(accepted(write_certificate(here / "1.cer", one, encoding::der)));
  BOOST_REQUIRE(accepted(write_certificate(here / "2.cer", two, encoding::pem)));
  BOOST_TEST((folder.import_file(trusted_people, here / "1.cer").value() == one.fingerprint()));
  BOOST_TEST((folder.import_file(trusted_people, here / "2.cer").value() == two.fingerprint()));
  put(here / "3.cer", one.pem() + two.pem());
  BOOST_TEST(
      refused_as(errc::invalid_argument, folder.import_file(trusted_people, here / "3.cer")));
  put(here / "4.cer", "hello");
  BOOST_TEST(refused_as(errc::malformed, folder.import_file(trusted_people, here / "4.cer")));
  BOOST_TEST(refused_as(errc::not_found, folder.import_file(trusted_people, here / "5.cer")));
}

BOOST_AUTO_TEST_CASE(ones_own_key_is_kept_under_its_password_and_comes_back_with_its_path) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto shown = own().chain.front().fingerprint();
  auto with_path = own();
  with_path.chain.push_back(office().certificate());
  BOOST_TEST(accepted(folder.import(personal, own().chain.front())));  // the bare one first
  BOOST_TEST(refused_as(errc::not_found, folder.load_identity(shown, own_password)));
  BOOST_TEST((folder.import(with_path, own_password).value() == shown));
  const auto file = file_of(folder, personal, shown);
  BOOST_TEST(mode_of(file) == 0600U);
  const auto content = read_file(file, 65536).value();
  BOOST_TEST(as_text(content).find("-----BEGIN PRIVATE KEY") == std::string_view::npos);
  BOOST_TEST(folder.find(personal, shown).value().has_private_key);

  const auto back = folder.load_identity(shown, own_password);
  BOOST_REQUIRE(accepted(back));
  BOOST_TEST((back->chain == with_path.chain));
  BOOST_TEST(back->key->belongs_to(own().chain.front()));
  BOOST_TEST(refused_as(errc::authentication_failed, folder.load_identity(shown, file_password)));

  BOOST_TEST(accepted(folder.import(personal, own().chain.front())));  // takes no key away
  BOOST_TEST((read_file(file, 65536).value() == content));
  BOOST_TEST(refused_as(errc::already_exists, folder.import(own(), file_password)));
  BOOST_TEST((read_file(file, 65536).value() == content));
  BOOST_TEST(accepted(folder.import(own(), file_password, {}, if_exists::replace)));
  BOOST_TEST(accepted(folder.load_identity(shown, file_password)));
}

BOOST_AUTO_TEST_CASE(a_key_that_is_not_the_certificates_or_badly_protected_is_not_imported) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const identity mixed{{leaf()}, own().key};
  BOOST_TEST(refused_as(errc::invalid_argument, folder.import(mixed, own_password)));
  BOOST_TEST(refused_as(errc::invalid_argument, folder.import(identity{}, own_password)));
  BOOST_TEST(refused_as(errc::password_refused, folder.import(own(), password("short"))));
  BOOST_TEST(!std::filesystem::exists(here / "c"));
}

BOOST_AUTO_TEST_CASE(exports_are_the_public_half_or_a_key_under_a_password_of_the_file) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto shown = folder.import(own(), own_password).value();
  BOOST_TEST(accepted(folder.export_certificate(personal, shown, here / "me.cer", encoding::der)));
  BOOST_TEST((read_certificates(here / "me.cer").value() == std::vector{own().chain.front()}));
  BOOST_TEST(
      refused_as(errc::already_exists,
                 folder.export_certificate(personal, shown, here / "me.cer", encoding::der)));
  BOOST_TEST(refused_as(errc::not_found, folder.export_certificate(trusted_people, shown,
                                                                   here / "x", encoding::der)));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        folder.export_private_key(shown, file_password, here / "me.key",
                                                  file_password, encoding::pem)));
  BOOST_TEST(!std::filesystem::exists(here / "me.key"));
  BOOST_TEST(accepted(folder.export_private_key(shown, own_password, here / "me.key", file_password,
                                                encoding::pem)));
  BOOST_TEST(mode_of(here / "me.key") == 0600U);
  const auto content = read_file(here / "me.key", 65536).value();
  BOOST_TEST(decode_private_key(content, &file_password).value().belongs_to(own().chain.front()));
  BOOST_TEST(refused_as(errc::authentication_failed, decode_private_key(content, &own_password)));
}

BOOST_AUTO_TEST_CASE(what_is_removed_is_gone_and_trusted_no_more) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto& root = office().certificate();
  BOOST_REQUIRE(accepted(folder.import(compared(root), root)));
  BOOST_TEST(refused_as(errc::not_found, folder.remove(authorities, root.fingerprint())));
  BOOST_TEST(accepted(folder.remove(trusted_roots, root.fingerprint())));
  BOOST_TEST(folder.anchors().value().empty());
  BOOST_TEST(refused_as(errc::not_found, folder.remove(trusted_roots, root.fingerprint())));
}

BOOST_AUTO_TEST_CASE(foreign_and_damaged_files_are_reported_and_stop_trust) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto& root = office().certificate();
  BOOST_REQUIRE(accepted(folder.import(compared(root), root)));
  const auto place = here / "c" / "trusted_roots";
  const auto other = authority::make_root({"other"}, noon).value().certificate();
  const auto name = to_hex(other.fingerprint().view()) + ".pem";
  const std::vector<std::pair<std::string, std::string>> files{
      {"other.cer", other.pem()},                                  // not imported
      {name, root.pem()},                                          // another one's content
      {to_hex(other.fingerprint().view()) + ".PEM", other.pem()},  // a like name
      {"\x1b[2J\n\xff.pem", other.pem()},                          // rules a terminal
      {".hidden", ""},                                             //
      {"." + name + ".0123456789abcdeg", ""},                      // almost a writer's
      {std::string(64, '0') + ".pem", ""}};                        // empty
  for (const auto& [foreign, content] : files) {
    put(place / foreign, content);
    const auto all = folder.list(trusted_roots).value();
    BOOST_TEST(all.certificates.size() == 1U);
    BOOST_TEST_REQUIRE(all.foreign.size() == 1U, foreign);
    BOOST_TEST(all.foreign[0].name == foreign);
    BOOST_TEST((all.foreign[0].why == errc::store_corrupt));
    const auto message = all.foreign[0].why.message();
    BOOST_TEST(message.find('\x1b') == std::string::npos);
    BOOST_TEST(refused_as(errc::store_corrupt, folder.anchors()));
    std::filesystem::remove(place / foreign);
  }
  BOOST_TEST(accepted(folder.anchors()));
}

BOOST_AUTO_TEST_CASE(an_altered_entry_is_damaged_wherever_it_was_altered) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto one = leaf();
  const auto shown = folder.import(trusted_people, one).value();
  const auto file = file_of(folder, trusted_people, shown);
  const auto good = one.pem();
  std::vector<std::string> altered{"",
                                   good + "\n",
                                   "\n" + good,
                                   good + leaf("x").pem() + "-",
                                   good + "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                                   good.substr(0, good.size() - 1),
                                   leaf("y").pem() + good};
  for (std::size_t at = 0; at < good.size(); at += 7) {
    auto text = good;
    text[at] = text[at] == 'A' ? 'B' : 'A';
    altered.push_back(text);
  }
  for (const auto& each : altered) {
    put(file, each);
    BOOST_TEST_REQUIRE(refused_as(errc::store_corrupt, folder.find(trusted_people, shown)));
  }
  BOOST_TEST(refused_as(errc::store_corrupt, folder.import(trusted_people, one)));
  put(file, std::string((std::size_t{1} << 20U) + 1, ' '));
  BOOST_TEST(refused_as(errc::limit_exceeded, folder.find(trusted_people, shown)));
  BOOST_TEST(accepted(folder.remove(trusted_people, shown)));
  BOOST_TEST(accepted(folder.import(trusted_people, one)));
}

BOOST_AUTO_TEST_CASE(what_others_may_write_or_redirect_is_not_believed) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto one = leaf();
  const auto shown = folder.import(trusted_people, one).value();
  const auto place = here / "c" / "trusted_people";
  const auto file = file_of(folder, trusted_people, shown);
  for (const auto& each : {here / "c", place, file})
    for (const ::mode_t wide : {0020U, 0002U}) {
      const auto before = mode_of(each);
      ::chmod(each.c_str(), before | wide);
      BOOST_TEST(refused_as(errc::not_permitted, folder.find(trusted_people, shown)));
      BOOST_TEST(refused_as(errc::not_permitted, folder.import(trusted_people, one)));
      ::chmod(each.c_str(), before);
    }
  BOOST_TEST(accepted(folder.find(trusted_people, shown)));

  std::filesystem::rename(file, here / "moved");
  std::filesystem::create_symlink(here / "moved", file);
  BOOST_TEST(refused_as(errc::store_corrupt, folder.find(trusted_people, shown)));
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  ::chmod(file.c_str(), 0700);
  BOOST_TEST(refused_as(errc::store_corrupt, folder.find(trusted_people, shown)));
  std::filesystem::rename(place, here / "elsewhere");
  std::filesystem::create_directory_symlink(here / "elsewhere", place);
  BOOST_TEST(refused_as(errc::store_corrupt, folder.list(trusted_people)));
  BOOST_TEST(refused_as(errc::store_corrupt, folder.import(trusted_people, one)));
}

BOOST_AUTO_TEST_CASE(a_private_key_that_others_may_read_is_refused) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto shown = folder.import(own(), own_password).value();
  ::chmod(file_of(folder, personal, shown).c_str(), 0640);
  BOOST_TEST(refused_as(errc::not_permitted, folder.load_identity(shown, own_password)));
  BOOST_TEST(folder.list(personal).value().foreign.size() == 1U);
}

BOOST_AUTO_TEST_CASE(another_users_folder_is_refused) {
  if (::geteuid() != 0) return;  // only root can give a folder away
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto shown = folder.import(trusted_people, leaf()).value();
  BOOST_REQUIRE(::chown((here / "c").c_str(), 65534, 65534) == 0);
  BOOST_TEST(refused_as(errc::not_permitted, folder.find(trusted_people, shown)));
  BOOST_TEST(refused_as(errc::not_permitted, folder.remove(trusted_people, shown)));
}

BOOST_AUTO_TEST_CASE(the_machines_certificates_are_for_all_to_read_and_for_root_to_write) {
  const scratch here;
  ::chmod(here.path().c_str(), 0755);
  const certificate_folder folder(here / "c", location::machine);
  const auto& root = office().certificate();
  BOOST_REQUIRE(accepted(folder.import(compared(root), root)));
  BOOST_TEST(mode_of(here / "c" / "trusted_roots") == 0755U);
  ::chmod((here / "c" / "trusted_roots").c_str(), 0555);
  ::chmod((here / "c").c_str(), 0555);
  {
    const nobody now;
    BOOST_TEST(folder.anchors().value().certificates().size() == 1U);
    for (const auto& refused :
         {folder.import(trusted_people, leaf()), folder.import(compared(root), root)}) {
      BOOST_TEST(refused_as(errc::io_failed, refused));
      BOOST_TEST(refused.error().message().find("run it as root") != std::string::npos);
    }
    BOOST_TEST(refused_as(errc::io_failed, folder.remove(trusted_roots, root.fingerprint())));
  }
  ::chmod((here / "c").c_str(), 0755);
  ::chmod((here / "c" / "trusted_roots").c_str(), 0755);
}

BOOST_AUTO_TEST_CASE(what_a_killed_writer_left_is_no_certificate_and_goes_with_the_next_one) {
  const scratch here;
  const certificate_folder folder(here / "c");
  const auto one = leaf();
  const auto shown = folder.import(trusted_people, one).value();
  const auto left =
      here / "c" / "trusted_people" / ("." + to_hex(shown.view()) + ".pem.0123456789abcdef");
  put(left, one.pem().substr(0, 100));
  BOOST_TEST(folder.list(trusted_people).value().foreign.empty());
  BOOST_TEST(folder.list(trusted_people).value().certificates.size() == 1U);
  BOOST_TEST(accepted(folder.import(trusted_people, leaf("db2"))));
  BOOST_TEST(!std::filesystem::exists(left));
}

BOOST_AUTO_TEST_CASE(killed_at_any_instant_the_store_is_as_before_or_as_after) {
  const scratch here(scratch::on::memory);
  const certificate_folder folder(here / "c");
  const auto one = leaf();
  const auto kept = folder.import(trusted_people, leaf("kept")).value();
  for (unsigned round = 0; round < 25; ++round) {
    const ::pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      for (;;)
        if (!folder.import(trusted_people, one) ||
            !folder.remove(trusted_people, one.fingerprint()))
          ::_exit(1);
    }
    ::usleep(1000 + 137 * round);
    ::kill(child, SIGKILL);
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST((WIFSIGNALED(status)));  // it met no error before
    const auto all = folder.list(trusted_people).value();
    BOOST_TEST(all.foreign.empty());
    BOOST_TEST(accepted(folder.find(trusted_people, kept)));
    BOOST_TEST(all.certificates.size() <= 2U);
    BOOST_TEST(accepted(folder.import(trusted_people, one)));
  }
}

BOOST_AUTO_TEST_CASE(writers_side_by_side_lose_nothing) {
  const scratch here(scratch::on::memory);
  const certificate_folder folder(here / "c");
  std::vector<certificate> all;
  for (const auto* name : {"a", "b", "c", "d"}) all.push_back(leaf(name));
  std::atomic<int> refused = 0;
  std::vector<std::thread> writers;
  for (const auto& each : all)
    writers.emplace_back([&] {
      if (!folder.import(trusted_people, each)) ++refused;
    });
  for (auto& each : writers) each.join();
  BOOST_TEST(refused == 0);
  BOOST_TEST(folder.list(trusted_people).value().certificates.size() == all.size());
}

BOOST_AUTO_TEST_CASE(locations_are_where_the_system_keeps_such_things) {
  const scratch here;
  const variable home("HOME", "/home/somebody");
  {
    const variable data("XDG_DATA_HOME", here.path().c_str());
    BOOST_TEST((default_path(location::user).value() == here / "keywarden/certificates"));
    const auto folder = certificate_folder::open(location::user).value();
    BOOST_TEST(accepted(folder.import(trusted_people, leaf())));
    BOOST_TEST(mode_of(here / "keywarden") == 0700U);
  }
  for (const char* unusable : {static_cast<const char*>(nullptr), "relative"}) {
    const variable data("XDG_DATA_HOME", unusable);
    BOOST_TEST(default_path(location::user).value().string() ==
               "/home/somebody/.local/share/keywarden/certificates");
    const variable nowhere("HOME", unusable);
    BOOST_TEST(refused_as(errc::not_found, certificate_folder::open(location::user)));
  }
  BOOST_TEST(default_path(location::machine).value().string() == "/var/lib/keywarden/certificates");
}

BOOST_AUTO_TEST_CASE(stores_have_windows_names_too) {
  for (const auto each : all_stores) {
    BOOST_TEST((store_of(name_of(each)) == each));
    BOOST_TEST((store_of(windows_name_of(each)) == each));
  }
  BOOST_TEST(windows_name_of(personal) == "My");
  for (const std::string_view other : {"", "my", "ROOT", "personal/..", "unknown"})
    BOOST_TEST(!store_of(other).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_folder_test

}  // namespace keywarden::pki
