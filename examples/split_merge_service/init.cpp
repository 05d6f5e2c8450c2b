#include "init.hpp"

#include <iostream>

#include <botan/secmem.h>

#include <keywarden/core/random.hpp>
#include <keywarden/pki/files.hpp>

#include "core/shard.hpp"

namespace split_merge {

namespace kw = keywarden;

namespace {

std::uint64_t rows_of(const range& keys, std::uint64_t wanted) {
  return std::min(wanted, static_cast<std::uint64_t>(keys.high - keys.low));
}

/// Hexadecimal digits.
kw::password password_of(const std::array<std::uint8_t, 16>& drawn) {
  constexpr std::string_view digits = "0123456789abcdef";
  Botan::secure_vector<char> text;
  for (const auto each : drawn) {
    text.push_back(digits[each >> 4U]);
    text.push_back(digits[each & 15U]);
  }
  return kw::password(std::string_view(text.data(), text.size()));
}

void write_connection(const std::filesystem::path& to, const std::filesystem::path& shard,
                      const kw::password& secret) {
  const auto before = "Data Source=" + shard.string() + ";Password=";
  Botan::secure_vector<std::uint8_t> text(before.begin(), before.end());
  const auto shown = kw::detail::view_of(secret);
  text.insert(text.end(), shown.begin(), shown.end());
  kw::pki::detail::write_whole(to, text, 0600, kw::pki::if_exists::refuse).value();
}

}  // namespace

void init(const options& asked) {
  constexpr std::size_t batch = 500;
  std::filesystem::create_directories(asked.data);
  const auto data = std::filesystem::canonical(asked.data);
  std::vector<shard_place> places;
  for (const auto& each : asked.shards) {
    const auto file = data / (each.shard + ".db");
    places.push_back({each.shard, file});
    std::array<std::uint8_t, 16> drawn{};
    kw::system_random::fill(drawn).value();
    const auto secret = password_of(drawn);
    shard::create(file, secret);
    shard made(file, secret);
    made.serve(each.keys);
    const auto count = rows_of(each.keys, asked.rows);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto key = each.keys.low + static_cast<std::int64_t>(i);
      made.put({key, kw::to_bytes(kw::as_bytes("row " + std::to_string(key)))}, 0);
      if (i % batch == 0 && i != 0)
        std::clog << each.shard << ": " << i << " of " << count << " rows\n";
    }
    write_connection(data / (each.shard + ".connection"), file, secret);
  }
  const auto file = data / "metadata.db";
  metadata::create(file, places, asked.shards);
  metadata made(file);
  for (const auto& each : asked.shards)
    made.note_rows(each.keys, each.shard, rows_of(each.keys, asked.rows));
  std::cout << "metadata: Data Source=" << file.string() << '\n';
}

}  // namespace split_merge
