#include <keywarden/protect/secret_file.hpp>

#include <pwd.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "world.hpp"

namespace secret_file_test {

using namespace keywarden;
using namespace keywarden::testing;
using protect::secret_file;

const std::string whole(32, '\x5a');

/// Runs `body` in a child process and gives its exit status; -1 when it did not exit.
template <class Body>
int in_child(Body&& body) {
  const auto child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void refused_for(const secret_file& file, std::string_view reason) {
  for (const auto& refused : {file.read(), file.read_or_create()}) {
    BOOST_TEST(refused_as(errc::secret_unavailable, refused));
    BOOST_TEST(refused.error().value_of(fact::file) == file.path().string());
    BOOST_TEST(refused.error().value_of(fact::reason) == reason);
  }
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

BOOST_AUTO_TEST_CASE(a_missing_secret_is_unavailable_and_is_not_made_by_reading) {
  const world here;
  for (const auto& path : {here / "absent", here / "no" / "such" / "folder"}) {
    const auto refused = secret_file(path).read();
    BOOST_TEST(refused_as(errc::secret_unavailable, refused));
    BOOST_TEST(refused.error().value_of(fact::file) == path.string());
    BOOST_TEST(refused.error().value_of(fact::reason) == "No such file or directory");
  }
  BOOST_TEST(files_in(here.path()) == 0U);
}

BOOST_AUTO_TEST_CASE(a_secret_of_another_length_is_refused_and_never_replaced) {
  const world here;
  for (const std::size_t size : {0U, 1U, 31U, 33U, 64U, 1U << 20U}) {
    write_file(here / "secret", std::string(size, 'x'));
    refused_for(secret_file(here / "secret"), "wrong length");
    BOOST_TEST(read_file(here / "secret").size() == size);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_refused_without_waiting) {
  const world here;
  std::filesystem::create_directory(here / "folder");
  refused_for(secret_file(here / "folder"), "not a regular file");
  BOOST_REQUIRE(::mkfifo((here / "pipe").c_str(), 0600) == 0);
  refused_for(secret_file(here / "pipe"), "not a regular file");
  refused_for(secret_file("/dev/zero", 0777), "not a regular file");
  write_file(here / "target", whole);
  std::filesystem::create_symlink(here / "target", here / "link");
  refused_for(secret_file(here / "link"), "Too many levels of symbolic links");
  std::filesystem::create_symlink(here / "nowhere", here / "dangling");
  refused_for(secret_file(here / "dangling"), "Too many levels of symbolic links");
  BOOST_TEST(!std::filesystem::exists(here / "nowhere"));
  refused_for(secret_file(here / "target" / "below"), "Not a directory");
}

BOOST_AUTO_TEST_CASE(a_secret_with_wider_permissions_is_refused) {
  const world here;
  for (const ::mode_t wider : {0604U, 0602U, 0601U, 0640U, 0620U, 0666U, 0777U}) {
    write_file(here / "secret", whole, wider);
    refused_for(secret_file(here / "secret"), "others may access it");
  }
  for (const ::mode_t narrower : {0600U, 0400U}) {
    write_file(here / "secret", whole, narrower);
    BOOST_TEST(accepted(secret_file(here / "secret").read()));
  }
  write_file(here / "secret", whole, 0640);
  BOOST_TEST(accepted(secret_file(here / "secret", 0640).read()));
}

BOOST_AUTO_TEST_CASE(a_whole_secret_is_read_as_it_is) {
  const world here;
  write_file(here / "secret", whole);
  const auto read = secret_file(here / "secret").read();
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST((*read == secret_key::copy_of(as_bytes(whole))));
  BOOST_TEST((secret_file(here / "secret").read_or_create().value() == *read));
}

BOOST_AUTO_TEST_CASE(a_new_secret_is_random_private_and_alone_in_its_folder) {
  const world here;
  const auto old = ::umask(0);  // the permissions do not depend on it
  const secret_file file(here / "a" / "b" / "secret");
  const auto made = file.read_or_create();
  const auto other = secret_file(here / "other").read_or_create();
  ::umask(old);
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(made->size() == 32U);
  BOOST_TEST(!(*made == other.value()));
  BOOST_TEST(!(*made == keywarden::detail::sized_key(32)));
  struct ::stat facts {};
  BOOST_REQUIRE(::stat(file.path().c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0600U);
  BOOST_TEST(facts.st_nlink == 1U);
  BOOST_REQUIRE(::stat((here / "a" / "b").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0700U);
  BOOST_TEST(files_in(here / "a" / "b") == 1U);
}

BOOST_AUTO_TEST_CASE(a_folder_that_exists_keeps_its_permissions) {
  const world here;
  std::filesystem::create_directory(here / "state");
  BOOST_REQUIRE(::chmod((here / "state").c_str(), 0755) == 0);
  BOOST_REQUIRE(accepted(secret_file(here / "state" / "secret").read_or_create()));
  struct ::stat facts {};
  BOOST_REQUIRE(::stat((here / "state").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777U) == 0755U);
}

BOOST_AUTO_TEST_CASE(what_an_account_may_not_read_is_refused_and_never_replaced) {
  const auto* nobody = ::getpwnam("nobody");
  if (::geteuid() != 0 || nobody == nullptr) return;  // only root can stop being root
  const world here;
  BOOST_REQUIRE(::chmod(here.path().c_str(), 0777) == 0);
  write_file(here / "secret", whole);
  std::filesystem::create_directory(here / "closed");
  write_file(here / "closed" / "secret", whole);
  BOOST_REQUIRE(::chmod((here / "closed").c_str(), 0700) == 0);
  std::filesystem::create_directory(here / "fixed");
  const auto refusals = in_child([&] {
    if (::seteuid(nobody->pw_uid) != 0) return 100;
    int wrong = 0;
    for (const auto& path :
         {here / "secret", here / "closed" / "secret", here / "closed" / "absent"})
      for (const auto& refused : {secret_file(path).read(), secret_file(path).read_or_create()})
        if (refused || !(refused.error() == errc::secret_unavailable) ||
            refused.error().value_of(fact::reason) != "Permission denied")
          ++wrong;
    const auto unwritable = secret_file(here / "fixed" / "secret").read_or_create();
    if (unwritable || !(unwritable.error() == errc::io_failed)) ++wrong;
    return wrong;
  });
  BOOST_TEST(refusals == 0);
  BOOST_TEST(read_file(here / "secret") == whole);
  BOOST_TEST(read_file(here / "closed" / "secret") == whole);
  BOOST_TEST(!std::filesystem::exists(here / "closed" / "absent"));
  BOOST_TEST(files_in(here / "fixed") == 0U);
}

BOOST_AUTO_TEST_CASE(of_processes_that_make_it_at_once_all_read_the_same) {
  constexpr int processes = 8;
  for (int round = 0; round < 20; ++round) {
    const world here;
    int start[2];
    int answers[2];
    BOOST_REQUIRE(::pipe(start) == 0);
    BOOST_REQUIRE(::pipe(answers) == 0);
    std::vector<::pid_t> children;
    for (int i = 0; i < processes; ++i) {
      const auto child = ::fork();
      if (child == 0) {
        char go = 0;
        (void)!::read(start[0], &go, 1);
        const auto made = secret_file(here / "state" / "secret").read_or_create();
        if (!made) ::_exit(1);
        const auto seen = keywarden::detail::view_of(*made);
        ::_exit(::write(answers[1], seen.data(), seen.size()) == 32 ? 0 : 2);
      }
      children.push_back(child);
    }
    BOOST_REQUIRE(::write(start[1], "gogogogo", processes) == processes);
    std::set<bytes> seen;
    for (const auto child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      BOOST_TEST(status == 0);
      bytes secret(32);
      if (status == 0) BOOST_REQUIRE(::read(answers[0], secret.data(), 32) == 32);
      seen.insert(secret);
    }
    for (const int each : {start[0], start[1], answers[0], answers[1]}) ::close(each);
    BOOST_TEST(seen.size() == 1U);
    BOOST_TEST(files_in(here / "state") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_moment_leaves_no_secret_or_a_whole_one) {
  using clock = std::chrono::steady_clock;
  constexpr int rounds = 300;
  const world here;
  // Starts a child that makes the secret, and returns once it runs.
  const auto start = [](const secret_file& file) {
    int alive[2];
    BOOST_REQUIRE(::pipe(alive) == 0);
    const auto child = ::fork();
    if (child == 0) {
      (void)!::write(alive[1], "x", 1);
      (void)file.read_or_create();
      ::_exit(0);
    }
    char ready = 0;
    BOOST_REQUIRE(::read(alive[0], &ready, 1) == 1);
    ::close(alive[0]);
    ::close(alive[1]);
    return child;
  };
  const auto began = clock::now();
  ::waitpid(start(secret_file(here / "undisturbed" / "secret")), nullptr, 0);
  const auto whole_run = clock::now() - began;

  int none = 0;
  int all = 0;
  for (int round = 0; round < rounds; ++round) {
    const secret_file file(here / std::to_string(round) / "secret");
    const auto child = start(file);
    const auto until = clock::now() + whole_run * round / rounds;  // from the start to the end
    while (clock::now() < until) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto before = file.read();
    if (std::filesystem::exists(file.path())) {
      BOOST_TEST(accepted(before));
      ++all;
    } else {
      ++none;
    }
    const auto after = file.read_or_create();
    BOOST_REQUIRE(accepted(after));
    if (before) BOOST_TEST((*before == *after));
  }
  BOOST_TEST_MESSAGE("killed before: " << none << ", after: " << all);
}

BOOST_AUTO_TEST_CASE(a_left_over_temporary_file_is_in_nobodys_way) {
  const world here;
  write_file(here / ".secret.0011223344556677", "half");
  BOOST_TEST(accepted(secret_file(here / "secret").read_or_create()));
  BOOST_TEST(read_file(here / "secret").size() == 32U);
}

}  // namespace secret_file_test
