#include <keywarden/key/direct_file_sink.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/key/stream.hpp>

#include "support/content.hpp"
#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace direct_file_sink_test {

struct files {
  static constexpr std::string_view name = "files";
};
using stream_key = opened_stream_key<files>;

constexpr std::size_t piece = direct_file_sink::piece_size;
constexpr std::size_t block = 4096;

stream_key new_key() { return stream_key::create(key_ring::create(time_point{}).value()).value(); }

// A file without a name, in a folder; closed with the object.
class open_file {
 public:
  explicit open_file(const std::filesystem::path& folder, int flags = 0) {
    auto name = (folder / "keywarden-sink-XXXXXX").string();
    number_ = ::mkostemp(name.data(), flags);
    BOOST_REQUIRE(number_ >= 0);
    ::unlink(name.c_str());
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { ::close(number_); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::uint64_t size() const { return file_source(number_).size().value(); }
  [[nodiscard]] bytes read() const {
    bytes made(static_cast<std::size_t>(size()));
    BOOST_REQUIRE(detail::read_exactly_at(file_source(number_), 0, made));
    return made;
  }
  [[nodiscard]] bool has_direct_flag() const { return (::fcntl(number_, F_GETFL) & O_DIRECT) != 0; }

 private:
  int number_;
};

// On the disk of the build folder, and in memory.
std::vector<std::filesystem::path> folders() {
  std::vector<std::filesystem::path> made{KEYWARDEN_BINARY_DIR};
  if (std::filesystem::is_directory("/dev/shm")) made.emplace_back("/dev/shm");
  return made;
}

// Files can have no more than so many bytes meanwhile, as on a disk that is full.
class full_disk {
 public:
  explicit full_disk(::rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const ::rlimit small{size, before_.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;
  ~full_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  ::rlimit before_{};
};

BOOST_AUTO_TEST_SUITE(direct_file_sink_suite)

BOOST_AUTO_TEST_CASE(every_size_around_a_border_comes_out_byte_for_byte) {
  const auto data = content(3 * piece + 2 * block);
  std::vector<std::size_t> sizes{0, 1};
  for (std::size_t border = 0; border <= 3 * piece; border += piece)
    for (const std::size_t near : {border, border + block})
      for (const std::size_t size : {near - 1, near, near + 1})
        if (size < data.size()) sizes.push_back(size);
  for (std::size_t border = piece; border <= 3 * piece; border += piece)
    for (const std::size_t size : {border - block - 1, border - block, border - block + 1})
      sizes.push_back(size);
  for (const auto& folder : folders())
    for (const auto size : sizes)
      for (const std::size_t at_once : {data.size(), std::size_t{300007}}) {
        const open_file file(folder);
        auto sink = direct_file_sink::create(file.number()).value();
        auto rest = bytes_view(data).first(size);
        while (!rest.empty()) {
          const auto taken = std::min(rest.size(), at_once);
          BOOST_REQUIRE(accepted(sink.write(rest.first(taken))));
          rest = rest.subspan(taken);
        }
        BOOST_REQUIRE(accepted(sink.finish()));
        BOOST_REQUIRE(file.size() == size);
        BOOST_TEST(std::ranges::equal(file.read(), bytes_view(data).first(size)),
                   folder << ", " << size << " bytes, " << at_once << " at once");
        BOOST_TEST(::lseek(file.number(), 0, SEEK_CUR) == static_cast<::off_t>(size));
      }
}

BOOST_AUTO_TEST_CASE(it_writes_past_the_page_cache_wherever_the_file_system_lets_it) {
  for (const auto& folder : folders()) {
    const open_file file(folder);
    const open_file other(folder);
    const bool possible = ::fcntl(other.number(), F_SETFL, O_DIRECT) == 0;
    auto sink = direct_file_sink::create(file.number()).value();
    BOOST_REQUIRE(accepted(sink.write(content(piece))));
    BOOST_TEST(sink.direct() == possible);
    BOOST_TEST(file.has_direct_flag() == possible);
    BOOST_TEST(file.size() == piece);
  }
}

BOOST_AUTO_TEST_CASE(the_descriptor_is_direct_again_or_not_as_it_was) {
  for (const auto& folder : folders()) {
    const open_file file(folder);
    {
      auto sink = direct_file_sink::create(file.number()).value();
      BOOST_REQUIRE(accepted(sink.write(content(100))));
      BOOST_REQUIRE(accepted(sink.finish()));
      BOOST_TEST(!file.has_direct_flag());
    }
    BOOST_TEST(!file.has_direct_flag());
    const open_file unfinished(folder);
    { auto sink = direct_file_sink::create(unfinished.number()).value(); }
    BOOST_TEST(!unfinished.has_direct_flag());

    const open_file direct(folder);
    if (::fcntl(direct.number(), F_SETFL, O_DIRECT) != 0) continue;
    const auto data = content(piece + 100);
    {
      auto sink = direct_file_sink::create(direct.number()).value();
      BOOST_REQUIRE(accepted(sink.write(data)));
      BOOST_REQUIRE(accepted(sink.finish()));
    }
    BOOST_TEST(direct.has_direct_flag());
    BOOST_REQUIRE(::fcntl(direct.number(), F_SETFL, 0) == 0);
    BOOST_TEST((direct.read() == data));
  }
}

BOOST_AUTO_TEST_CASE(a_sink_that_was_moved_goes_on_where_it_was) {
  const open_file file(KEYWARDEN_BINARY_DIR);
  const auto data = content(2 * piece + 10);
  {
    auto first = direct_file_sink::create(file.number()).value();
    BOOST_REQUIRE(first.write(bytes_view(data).first(piece + 5)));
    auto second = std::make_unique<direct_file_sink>(std::move(first));
    BOOST_REQUIRE(second->write(bytes_view(data).subspan(piece + 5)));
    BOOST_REQUIRE(second->finish());
  }
  BOOST_TEST((file.read() == data));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_past_the_page_cache_is_written_through_it) {
  // The kernel's own files are regular ones, and none of them can.
  const int file = ::open("/proc/thread-self/comm", O_RDWR | O_CLOEXEC);
  BOOST_REQUIRE(file >= 0);
  std::array<char, 64> before{};
  const auto length = ::pread(file, before.data(), before.size(), 0);
  BOOST_REQUIRE(length > 1);
  {
    auto sink = direct_file_sink::create(file).value();
    BOOST_TEST(!sink.direct());
    BOOST_REQUIRE(accepted(sink.write(as_bytes("through"))));
    BOOST_REQUIRE(accepted(sink.finish()));
  }
  std::array<char, 64> after{};
  BOOST_REQUIRE(::pread(file, after.data(), after.size(), 0) > 0);
  BOOST_TEST(std::string(after.data()) == "through\n");
  BOOST_REQUIRE(::write(file, before.data(), static_cast<std::size_t>(length) - 1) > 0);
  ::close(file);
}

BOOST_AUTO_TEST_CASE(writing_begins_where_the_descriptor_stands_at_the_beginning_of_a_block) {
  const auto data = content(piece + 7);
  for (const auto& folder : folders()) {
    const open_file file(folder);
    const auto before = content(3 * block);
    BOOST_REQUIRE(fd_sink(file.number()).write(before));
    BOOST_REQUIRE(::lseek(file.number(), 2 * block, SEEK_SET) == 2 * block);
    auto sink = direct_file_sink::create(file.number()).value();
    BOOST_REQUIRE(accepted(sink.write(data)));
    BOOST_REQUIRE(accepted(sink.finish()));
    const auto all = file.read();
    BOOST_REQUIRE(all.size() == 2 * block + data.size());
    BOOST_TEST(
        std::ranges::equal(bytes_view(all).first(2 * block), bytes_view(before).first(2 * block)));
    BOOST_TEST(std::ranges::equal(bytes_view(all).subspan(2 * block), data));
  }
}

BOOST_AUTO_TEST_CASE(writing_that_would_begin_within_a_block_is_refused) {
  for (const auto& folder : folders()) {
    const open_file file(folder);
    for (const ::off_t place : {1, 512, 4095, 4097}) {
      ::lseek(file.number(), place, SEEK_SET);
      const auto made = direct_file_sink::create(file.number());
      BOOST_REQUIRE(refused_as(errc::invalid_argument, made));
      BOOST_TEST(made.error().value_of(fact::actual) == std::to_string(place));
      BOOST_TEST(!file.has_direct_flag());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_a_regular_file_is_refused) {
  std::array<int, 2> pipe_ends{};
  BOOST_REQUIRE(::pipe(pipe_ends.data()) == 0);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  BOOST_REQUIRE(full >= 0);
  for (const int each : {pipe_ends[1], full})
    BOOST_TEST(refused_as(errc::invalid_argument, direct_file_sink::create(each)));
  for (const int each : {pipe_ends[0], pipe_ends[1], full}) ::close(each);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_does_not_write_or_only_appends_is_refused) {
  const scratch folder;
  const auto path = folder / "file";
  { const std::ofstream made(path); }
  const int reads = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int appends = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  BOOST_TEST(refused_as(errc::invalid_argument, direct_file_sink::create(reads)));
  BOOST_TEST(refused_as(errc::invalid_argument, direct_file_sink::create(appends)));
  BOOST_TEST(refused_as(errc::io_failed, direct_file_sink::create(-1)));
  ::close(reads);
  ::close(appends);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_refused_with_its_reason_and_then_always) {
  const auto data = content(3 * piece);
  // Full after whole blocks, within a block, and within a piece of which a part is written.
  for (const auto& folder : folders())
    for (const std::size_t room : {piece, piece + 2 * block, piece + 1000}) {
      const open_file file(folder);
      {
        const full_disk now(room);
        auto sink = direct_file_sink::create(file.number()).value();
        const auto written = sink.write(data);
        BOOST_REQUIRE(refused_as(errc::io_failed, written));
        BOOST_TEST(written.error().value_of(fact::reason) == std::strerror(EFBIG));
        for (const auto& again : {sink.write(as_bytes("x")), sink.write({}), sink.finish()}) {
          BOOST_REQUIRE(refused_as(errc::io_failed, again));
          BOOST_TEST(again.error().value_of(fact::reason) == std::strerror(EFBIG));
        }
      }
      BOOST_TEST(!file.has_direct_flag());
      BOOST_TEST(file.size() == room);
      BOOST_TEST(std::ranges::equal(file.read(), bytes_view(data).first(room)));
    }
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_at_the_end_is_refused_by_finish) {
  for (const auto& folder : folders()) {
    const open_file file(folder);
    const full_disk now(piece + 10);
    auto sink = direct_file_sink::create(file.number()).value();
    BOOST_REQUIRE(accepted(sink.write(content(piece + 11))));
    for (int i = 0; i < 2; ++i) {
      const auto finished = sink.finish();
      BOOST_REQUIRE(refused_as(errc::io_failed, finished));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_finished_sink_takes_nothing_more) {
  const open_file file(KEYWARDEN_BINARY_DIR);
  auto sink = direct_file_sink::create(file.number()).value();
  BOOST_REQUIRE(accepted(sink.write(as_bytes("all"))));
  BOOST_REQUIRE(accepted(sink.finish()));
  BOOST_TEST(refused_as(errc::invalid_argument, sink.write(as_bytes("more"))));
  BOOST_TEST(refused_as(errc::invalid_argument, sink.finish()));
  BOOST_TEST(file.size() == 3U);
}

BOOST_AUTO_TEST_CASE(streams_of_any_number_of_threads_go_through_it) {
  const auto key = new_key();
  const auto data = content(5 * piece + 12345);
  for (const auto& folder : folders())
    for (const unsigned threads : {1U, 3U}) {
      stream_options options;
      options.threads = threads;
      const open_file sealed(folder);
      auto sealing = direct_file_sink::create(sealed.number()).value();
      const auto size = key.seal(memory_source(data), sealing, {}, options);
      BOOST_REQUIRE(size);
      BOOST_REQUIRE(sealing.finish());
      BOOST_TEST(sealed.size() == *size);
      const open_file opened(folder);
      auto opening = direct_file_sink::create(opened.number()).value();
      BOOST_REQUIRE(key.open(file_source(sealed.number()), opening, {}, options));
      BOOST_REQUIRE(opening.finish());
      BOOST_TEST((opened.read() == data));
    }
}

BOOST_AUTO_TEST_CASE(a_sealed_file_that_was_not_finished_is_refused) {
  const auto key = new_key();
  const auto opening = [&](std::size_t size, std::uint32_t segment_size) {
    stream_options options;
    options.segment_size = segment_size;
    const open_file sealed(KEYWARDEN_BINARY_DIR);
    {
      auto sink = direct_file_sink::create(sealed.number()).value();
      const auto data = content(size);
      const auto whole = key.seal(memory_source(data), sink, {}, options);
      BOOST_REQUIRE(accepted(whole));
      BOOST_REQUIRE(sealed.size() < *whole);
    }
    bytes opened;
    return key.open(file_source(sealed.number()), bytes_sink(opened));
  };
  for (const std::size_t size : {std::size_t{1}, piece - 1, piece + 1, 3 * piece + piece / 2}) {
    BOOST_TEST(refused_as(errc::truncated, opening(size, stream::default_segment_size)));
    BOOST_TEST(refused_as(errc::truncated, opening(size, stream::least_segment_size)));
  }
  BOOST_TEST(refused_as(errc::authentication_failed, opening(3 * piece, 4 * piece)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace direct_file_sink_test

}  // namespace keywarden::testing
