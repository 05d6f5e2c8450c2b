// fuzz_<target> [--mutations=<count>] <folder or file>…
//
// Shows a fuzz target every seed, and then as many mutations of them as asked for: the same ones
// every time, with any compiler. The environment's KEYWARDEN_FUZZ overrides the count. An input
// that fails is left behind in a file, which can be given as an argument.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using input = std::vector<std::uint8_t>;

// What is being tried, for whoever finds the program dead.
const input* tried = nullptr;
char left_behind[64] = "fuzz-failed-input";

void leave_behind() {
  if (tried == nullptr) return;
  const int file = ::open(left_behind, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  const bool written =
      ::write(file, tried->data(), tried->size()) == static_cast<::ssize_t>(tried->size());
  ::close(file);
  constexpr std::string_view told = "the input is left behind in ";
  if (written && ::write(2, told.data(), told.size()) > 0 &&
      ::write(2, left_behind, std::strlen(left_behind)) > 0)
    static_cast<void>(!::write(2, "\n", 1));
}
void die(int signal) {
  leave_behind();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void show(const input& one) {
  tried = &one;
  LLVMFuzzerTestOneInput(one.data(), one.size());
  tried = nullptr;
}

// SplitMix64: the same numbers everywhere.
class numbers {
 public:
  explicit numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    auto mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }
  std::size_t below(std::size_t limit) {
    return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit);
  }

 private:
  std::uint64_t state_;
};

constexpr std::size_t largest = std::size_t{1} << 16U;

input::iterator at(input& data, std::size_t offset) {
  return data.begin() + static_cast<std::ptrdiff_t>(offset);
}
input::const_iterator at(const input& data, std::size_t offset) {
  return data.begin() + static_cast<std::ptrdiff_t>(offset);
}

void flip(input& data, numbers& random) {
  if (!data.empty())
    data[random.below(data.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
}
void overwrite(input& data, numbers& random) {
  constexpr std::array<std::uint8_t, 10> telling{0, 1, 0x7f, 0x80, 0xff, '"', '{', ']', '\\', '\n'};
  if (!data.empty()) data[random.below(data.size())] = telling[random.below(telling.size())];
}
void cut_end(input& data, numbers& random) { data.resize(random.below(data.size() + 1)); }
void cut_out(input& data, numbers& random) {
  const auto from = random.below(data.size() + 1);
  const auto size = random.below(std::min<std::size_t>(data.size() - from, 64) + 1);
  data.erase(at(data, from), at(data, from + size));
}
void repeat(input& data, numbers& random) {
  const auto from = random.below(data.size() + 1);
  const auto size = random.below(data.size() - from + 1);
  const input part(at(data, from), at(data, from + size));
  data.insert(at(data, random.below(data.size() + 1)), part.begin(), part.end());
}
void splice(input& data, const input& other, numbers& random) {
  data.resize(random.below(data.size() + 1));
  data.insert(data.end(), at(other, random.below(other.size() + 1)), other.end());
}
// Two seeds of the same length and form, crossed at the same place.
void cross(input& data, const input& other, numbers& random) {
  const auto from = random.below(std::min(data.size(), other.size()) + 1);
  data.resize(from);
  data.insert(data.end(), at(other, from), other.end());
}
void swap_segments(input& data, numbers& random) {
  constexpr std::size_t segment = 4096;
  if (data.size() < 2 * segment) return flip(data, random);
  std::swap_ranges(data.begin(), at(data, segment), at(data, segment));
}
void edit_big_endian(input& data, numbers& random) {
  if (data.size() < 4) return;
  const auto from = random.below(data.size() - 3);
  constexpr std::array<std::uint32_t, 7> telling{0,          1,       0x7fffffff, 0x80000000,
                                                 0xffffffff, 0x10000, 4096};
  const auto value = telling[random.below(telling.size())];
  for (std::size_t i = 0; i < 4; ++i)
    data[from + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}
void edit_number(input& data, numbers& random) {
  constexpr std::array<std::string_view, 14> telling{"0",
                                                     "1",
                                                     "2",
                                                     "-1",
                                                     "64",
                                                     "256",
                                                     "4294967295",
                                                     "4294967296",
                                                     "1099511627777",
                                                     "18446744073709551615",
                                                     "18446744073709551616",
                                                     "1e400",
                                                     "1.0",
                                                     "null"};
  const auto digit = [](std::uint8_t each) { return each >= '0' && each <= '9'; };
  auto first = std::find_if(at(data, random.below(data.size() + 1)), data.end(), digit);
  if (first == data.end()) return overwrite(data, random);
  auto last = std::find_if_not(first, data.end(), digit);
  const auto value = telling[random.below(telling.size())];
  const auto where = first - data.begin();
  data.erase(first, last);
  data.insert(data.begin() + where, value.begin(), value.end());
}
// Lines are what members are on in stored JSON: leave one out, say it twice, or move it.
void edit_line(input& data, const input& other, numbers& random) {
  const auto line = [&](const input& from) {
    const auto begin = std::find(at(from, random.below(from.size() + 1)), from.end(), '\n');
    const auto end = begin == from.end() ? begin : std::find(begin + 1, from.end(), '\n');
    return std::pair(begin - from.begin(), end - from.begin());
  };
  const auto [begin, end] = line(data);
  const input taken(data.begin() + begin, data.begin() + end);
  const auto place = line(data).first;
  switch (random.below(3)) {
    case 0:
      data.erase(data.begin() + begin, data.begin() + end);
      break;
    case 1:
      data.insert(data.begin() + place, taken.begin(), taken.end());
      break;
    default: {
      const auto [from, to] = line(other);
      data.insert(data.begin() + place, other.begin() + from, other.begin() + to);
    }
  }
}

input mutation(const std::vector<input>& seeds, std::uint64_t number) {
  numbers random(number);
  auto made = seeds[random.below(seeds.size())];
  const auto& other = seeds[random.below(seeds.size())];
  for (auto steps = 1 + random.below(3); steps > 0; --steps) {
    switch (random.below(12)) {
      case 0:
      case 1:
        flip(made, random);
        break;
      case 2:
        overwrite(made, random);
        break;
      case 3:
        cut_end(made, random);
        break;
      case 4:
        cut_out(made, random);
        break;
      case 5:
        repeat(made, random);
        break;
      case 6:
        splice(made, other, random);
        break;
      case 7:
        cross(made, other, random);
        break;
      case 8:
        swap_segments(made, random);
        break;
      case 9:
        edit_big_endian(made, random);
        break;
      case 10:
        edit_number(made, random);
        break;
      default:
        edit_line(made, other, random);
        break;
    }
    if (made.size() > largest) made.resize(largest);
  }
  return made;
}

std::vector<input> read_seeds(const std::vector<std::filesystem::path>& places) {
  std::vector<std::filesystem::path> files;
  for (const auto& place : places) {
    if (std::filesystem::is_directory(place))
      for (const auto& each : std::filesystem::directory_iterator(place))
        files.push_back(each.path());
    else
      files.push_back(place);
  }
  std::sort(files.begin(), files.end());
  std::vector<input> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) std::fprintf(stderr, "cannot read %s\n", file.c_str()), std::exit(2);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

long largest_memory_kib() {
  ::rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t mutations = 0;
  std::vector<std::filesystem::path> places;
  constexpr std::string_view option = "--mutations=";
  for (const std::string_view each :
       std::vector<std::string_view>(arguments + 1, arguments + count)) {
    if (each.starts_with(option))
      mutations = std::strtoull(each.data() + option.size(), nullptr, 10);
    else
      places.emplace_back(each);
  }
  if (const char* asked = std::getenv("KEYWARDEN_FUZZ"))
    mutations = std::strtoull(asked, nullptr, 10);

  const auto seeds = read_seeds(places);
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: %s [--mutations=<count>] <folder or file>...\n", arguments[0]);
    return 2;
  }
  std::snprintf(left_behind, sizeof(left_behind), "%.40s-failed-input",
                std::filesystem::path(arguments[0]).filename().c_str());
  if (__sanitizer_set_death_callback != nullptr)
    __sanitizer_set_death_callback(leave_behind);
  else
    std::signal(SIGSEGV, die);
  std::signal(SIGABRT, die);

  for (const auto& seed : seeds) show(seed);
  const auto before = largest_memory_kib();
  for (std::uint64_t number = 0; number < mutations; ++number) show(mutation(seeds, number));
  show({});

  // A target's input is at most 64 KiB here: whoever takes a thousand times as much for it was told
  // to by the input. A sanitizer keeps what is freed for a while, so there it says nothing.
  const auto grown = largest_memory_kib() - before;
  if (__sanitizer_set_death_callback == nullptr && grown > 65536) {
    std::fprintf(stderr, "does not hold: memory is bounded (it grew by %ld KiB)\n", grown);
    return 1;
  }
  std::printf("%zu seeds and %llu mutations, memory grew by %ld KiB\n", seeds.size(),
              static_cast<unsigned long long>(mutations), grown);
  return 0;
}
