#include <keywarden/key/opened_key.hpp>

#include <set>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "vectors.hpp"

namespace opened_key_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using kw::errc;
using kw::key_state;
using kw::testing::accepted;
using kw::testing::refused_as;

struct cards {
  static constexpr std::string_view name = "card numbers";
};
struct notes {
  static constexpr std::string_view name = "notes";
};

const auto now = kw::time_point(std::chrono::seconds(1700000000));

kw::key_version version(std::uint32_t id, key_state state, std::uint8_t fill) {
  return {kw::key_id(id), state, now, 0, kw::secret_key::copy_of(kw::bytes(32, fill))};
}

// Version 0x11223344 seals; 0x55667788 is older and in the given state.
kw::key_ring ring_with(key_state older = key_state::retired) {
  std::vector<kw::key_version> versions;
  versions.push_back(version(0x55667788, older, 0x02));
  versions.push_back(version(0x11223344, key_state::active, 0x01));
  return kw::key_ring::adopt(std::move(versions)).value();
}

template <class Aead, class Format>
using key_for = kw::opened_key<cards, Aead, Format>;

using combinations = std::tuple<key_for<crypto::aes256_gcm, kw::format::native>,
                                key_for<crypto::chacha20_poly1305, kw::format::native>,
                                key_for<crypto::aes256_gcm_siv, kw::format::native>,
                                key_for<crypto::aes256_gcm, kw::format::tink>,
                                key_for<crypto::chacha20_poly1305, kw::format::tink>,
                                key_for<crypto::aes256_gcm_siv, kw::format::tink>>;

kw::bytes counted(std::size_t size) {
  kw::bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(i + 1);
  return made;
}

// What flipping a bit of the byte at `at` must be refused with, field by field.
template <class Key>
errc expected_refusal(std::size_t at) {
  if constexpr (std::is_same_v<typename Key::format, kw::format::native>) {
    return at == 0   ? errc::unsupported_version
           : at == 1 ? errc::unsupported_suite
           : at < 6  ? errc::unknown_key
                     : errc::authentication_failed;
  } else {
    return at == 0  ? errc::unsupported_version
           : at < 5 ? errc::unknown_key
                    : errc::authentication_failed;
  }
}

const auto associated = kw::as_bytes("row 7");

BOOST_AUTO_TEST_SUITE(opened_keys)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_sealed_opens_to_the_same, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 64U, 1000U, 70000U}) {
    const auto message = counted(size);
    const auto sealed = key.seal(message, associated);
    BOOST_REQUIRE(accepted(sealed));
    BOOST_TEST(sealed->view().size() == Key::sealed_size(size));
    const auto opened = key.open(*sealed, associated);
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST((*opened == kw::bytes_view(message)));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_refused_with_the_code_of_its_field, Key,
                              combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto sealed = key.seal(counted(21), associated).value();
  for (std::size_t bit = 0; bit < sealed.view().size() * 8; ++bit) {
    auto changed = sealed.to_bytes();
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    BOOST_TEST_CONTEXT("bit " << bit) {
      BOOST_TEST(refused_as(expected_refusal<Key>(bit / 8),
                            key.open(kw::sealed<cards>(changed), associated)));
    }
  }
  BOOST_TEST(accepted(key.open(sealed, associated)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_truncation_is_refused, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto sealed = key.seal(counted(21), associated).value();
  for (std::size_t size = 0; size < sealed.view().size(); ++size) {
    const auto cut = kw::to_bytes(sealed.view().first(size));
    const auto code = size < Key::overhead ? errc::truncated : errc::authentication_failed;
    BOOST_TEST(refused_as(code, key.open(kw::sealed<cards>(cut), associated)), "cut to " << size);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_extended_message_is_refused, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  auto longer = key.seal(counted(21), associated)->to_bytes();
  longer.push_back(0);
  BOOST_TEST(
      refused_as(errc::authentication_failed, key.open(kw::sealed<cards>(longer), associated)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(other_associated_data_is_refused, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto sealed = key.seal(counted(21), associated).value();
  for (const auto* other : {"", "row 8", "row 7 ", "row", "Row 7"})
    BOOST_TEST(refused_as(errc::authentication_failed, key.open(sealed, kw::as_bytes(other))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(associated_data_of_every_length_is_authenticated_to_its_last_byte,
                              Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto message = counted(20);
  for (std::size_t size = 0; size < 300; size += size < 100 || size > 140 ? 13 : 1) {
    auto associated = counted(size);
    const auto sealed = key.seal(message, associated).value();
    BOOST_TEST((key.open(sealed, associated).value() == kw::bytes_view(message)));
    associated.push_back(0);
    BOOST_TEST(refused_as(errc::authentication_failed, key.open(sealed, associated)));
    associated.pop_back();
    if (associated.empty()) continue;
    associated.back() ^= 1U;
    BOOST_TEST(refused_as(errc::authentication_failed, key.open(sealed, associated)));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(another_purpose_is_refused, Key, combinations) {
  const auto ring = ring_with();
  const auto key = Key::create(ring).value();
  const auto other =
      kw::opened_key<notes, typename Key::aead, typename Key::format>::create(ring).value();
  const auto sealed = key.seal(counted(21), associated).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        other.open(kw::sealed<notes>(sealed.to_bytes()), associated)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(another_ring_with_the_same_ids_is_refused, Key, combinations) {
  std::vector<kw::key_version> versions;
  versions.push_back(version(0x11223344, key_state::active, 0x09));
  const auto other = Key::create(kw::key_ring::adopt(std::move(versions)).value()).value();
  const auto sealed = Key::create(ring_with())->seal(counted(5)).value();
  BOOST_TEST(refused_as(errc::authentication_failed, other.open(sealed)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(naming_another_version_of_the_ring_is_refused, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  auto changed = key.seal(counted(21)).value().to_bytes();
  const std::size_t at = Key::format::header_size - kw::nonce::size - 4;
  kw::store_big_endian(kw::mutable_bytes(changed).subspan(at), std::uint32_t{0x55667788});
  BOOST_TEST(refused_as(errc::authentication_failed, key.open(kw::sealed<cards>(changed))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_message_may_lie_anywhere_in_the_output, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto message = counted(40);
  for (std::size_t at = 0; at <= Key::overhead; ++at) {
    kw::bytes buffer(Key::sealed_size(message.size()));
    std::ranges::copy(message, buffer.begin() + static_cast<std::ptrdiff_t>(at));
    const auto size =
        key.seal_into(kw::bytes_view(buffer).subspan(at, message.size()), associated, buffer);
    BOOST_REQUIRE(accepted(size));
    BOOST_TEST(*size == buffer.size());
    const auto opened = key.open(kw::sealed<cards>(buffer), associated);
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST((*opened == kw::bytes_view(message)));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_output_may_lie_anywhere_in_the_message, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto message = counted(40);
  const auto sealed = key.seal(message, associated).value();
  for (std::size_t at = 0; at <= Key::overhead; ++at) {
    auto buffer = sealed.to_bytes();
    const auto out = kw::mutable_bytes(buffer).subspan(at, message.size());
    const auto size = key.open_into(buffer, associated, out);
    BOOST_REQUIRE(accepted(size));
    BOOST_TEST(*size == message.size());
    BOOST_TEST(std::ranges::equal(out, message));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_buffer_one_byte_too_small_is_refused_and_left_alone, Key,
                              combinations) {
  const auto key = Key::create(ring_with()).value();
  const auto message = counted(21);
  kw::bytes small(Key::sealed_size(21) - 1, 0xEE);
  BOOST_TEST(refused_as(errc::buffer_too_small, key.seal_into(message, associated, small)));
  BOOST_TEST(small == kw::bytes(small.size(), 0xEE));
  const auto sealed = key.seal(message, associated).value();
  kw::bytes out(20, 0xEE);
  BOOST_TEST(refused_as(errc::buffer_too_small, key.open_into(sealed.view(), associated, out)));
  BOOST_TEST(out == kw::bytes(20, 0xEE));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_larger_buffer_is_written_only_as_far_as_needed, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  kw::bytes large(Key::sealed_size(21) + 9, 0xEE);
  const auto size = key.seal_into(counted(21), associated, large).value();
  BOOST_TEST(size == Key::sealed_size(21));
  BOOST_TEST(
      std::ranges::all_of(kw::bytes_view(large).subspan(size), [](auto b) { return b == 0xEE; }));
  kw::bytes out(30, 0xEE);
  BOOST_TEST(key.open_into(kw::bytes_view(large).first(size), associated, out).value() == 21U);
  BOOST_TEST(
      std::ranges::all_of(kw::bytes_view(out).subspan(21), [](auto b) { return b == 0xEE; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refused_message_leaves_no_plaintext_in_the_output, Key,
                              combinations) {
  const auto key = Key::create(ring_with()).value();
  auto sealed = key.seal(counted(5000), associated).value().to_bytes();
  sealed.back() ^= 1;
  kw::bytes out(5000, 0xEE);
  BOOST_TEST(refused_as(errc::authentication_failed, key.open_into(sealed, associated, out)));
  BOOST_TEST(out == kw::bytes(5000, 0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_seals_of_one_message_differ, Key, combinations) {
  const auto key = Key::create(ring_with()).value();
  std::set<kw::bytes> seen;
  for (int i = 0; i < 300; ++i) BOOST_TEST(seen.insert(key.seal(counted(8))->to_bytes()).second);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_moved_key_goes_on, Key, combinations) {
  auto first = Key::create(ring_with()).value();
  const auto sealed = first.seal(counted(8)).value();
  const auto second = std::move(first);
  BOOST_TEST(accepted(second.open(sealed)));
  BOOST_TEST((second.active() == kw::key_id(0x11223344)));
}

BOOST_AUTO_TEST_CASE(one_algorithms_message_is_refused_by_another_in_the_native_form) {
  const auto sealed = key_for<crypto::chacha20_poly1305, kw::format::native>::create(ring_with())
                          ->seal(counted(8))
                          .value();
  const auto gcm = key_for<crypto::aes256_gcm, kw::format::native>::create(ring_with()).value();
  BOOST_TEST(refused_as(errc::unsupported_suite, gcm.open(sealed)));
}

BOOST_AUTO_TEST_CASE(one_forms_message_is_refused_by_the_other) {
  const auto native = kw::opened_key<cards>::create(ring_with()).value();
  const auto tink = key_for<crypto::aes256_gcm, kw::format::tink>::create(ring_with()).value();
  BOOST_TEST(refused_as(errc::unsupported_version, native.open(tink.seal(counted(8)).value())));
  BOOST_TEST(refused_as(errc::unsupported_version, tink.open(native.seal(counted(8)).value())));
}

BOOST_AUTO_TEST_CASE(what_an_older_version_sealed_opens_in_every_state_that_opens) {
  auto before = ring_with();
  before.promote(kw::key_id(0x55667788)).value();
  const auto sealed = kw::opened_key<cards>::create(before)->seal(counted(8)).value();
  for (const auto state : {key_state::created, key_state::retired})
    BOOST_TEST(accepted(kw::opened_key<cards>::create(ring_with(state))->open(sealed)));
  const auto refusal = kw::opened_key<cards>::create(ring_with(key_state::disabled))->open(sealed);
  BOOST_TEST(refused_as(errc::unknown_key, refusal));
  BOOST_TEST(!refusal.error().value_of(kw::fact::next_step).empty());
}

BOOST_AUTO_TEST_CASE(a_destroyed_version_opens_nothing) {
  auto ring = ring_with();
  ring.promote(kw::key_id(0x55667788)).value();
  const auto sealed = kw::opened_key<cards>::create(ring)->seal(counted(8)).value();
  ring.promote(kw::key_id(0x11223344)).value();
  ring.disable(kw::key_id(0x55667788)).value();
  ring.destroy(kw::key_id(0x55667788)).value();
  BOOST_TEST(refused_as(errc::unknown_key, kw::opened_key<cards>::create(ring)->open(sealed)));
}

BOOST_AUTO_TEST_CASE(the_active_version_seals_wherever_it_stands_in_the_ring) {
  auto ring = ring_with();
  BOOST_TEST((kw::opened_key<cards>::create(ring)->active() == kw::key_id(0x11223344)));
  ring.promote(kw::key_id(0x55667788)).value();
  const auto key = kw::opened_key<cards>::create(ring).value();
  BOOST_TEST((key.active() == kw::key_id(0x55667788)));
  BOOST_TEST(kw::to_hex(key.seal({})->view().subspan(2, 4)) == "55667788");
}

BOOST_AUTO_TEST_CASE(an_exhausted_budget_stops_sealing_not_opening_and_leaves_the_buffer_alone) {
  const auto key =
      kw::opened_key<cards>::create(ring_with(), std::make_unique<kw::seal_budget>(2)).value();
  const auto sealed = key.seal(counted(8)).value();
  static_cast<void>(key.seal(counted(8)).value());
  BOOST_TEST(refused_as(errc::budget_exhausted, key.seal(counted(8))));
  kw::bytes buffer(100, 0xEE);
  BOOST_TEST(refused_as(errc::budget_exhausted, key.seal_into(counted(8), {}, buffer)));
  BOOST_TEST(buffer == kw::bytes(100, 0xEE));
  for (int i = 0; i < 5; ++i) BOOST_TEST(accepted(key.open(sealed)));
}

BOOST_AUTO_TEST_CASE(a_lessor_that_fails_is_told_to_the_caller) {
  const auto key =
      kw::opened_key<cards>::create(
          ring_with(), std::make_unique<kw::seal_budget>([](std::uint64_t) -> kw::result<void> {
            return kw::error(errc::store_busy);
          }))
          .value();
  BOOST_TEST(refused_as(errc::store_busy, key.seal(counted(8))));
}

BOOST_AUTO_TEST_CASE(messages_sealed_by_earlier_programs_still_open) {
  const auto check = [](const auto& each, auto key) {
    const auto opened = key.open(kw::sealed<cards>(each.data("Sealed")), each.data("Ad"));
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST((*opened == kw::bytes_view(each.data("Message"))));
  };
  std::size_t checked = 0;
  for (const auto& each : kw::testing::read_vectors("sealed_message.vec")) {
    BOOST_TEST_CONTEXT(each.comment) {
      std::vector<kw::key_version> versions;
      versions.push_back({kw::key_id(static_cast<std::uint32_t>(each.number("Id"))),
                          key_state::active, now, 0, each.key("Key")});
      const auto ring = kw::key_ring::adopt(std::move(versions)).value();
      BOOST_REQUIRE(each.text("Purpose") == cards::name);
      const auto& form = each.text("Form");
      if (form == "native aes-256-gcm") check(each, kw::opened_key<cards>::create(ring).value());
      if (form == "native chacha20-poly1305")
        check(each, key_for<crypto::chacha20_poly1305, kw::format::native>::create(ring).value());
      if (form == "native aes-256-gcm-siv")
        check(each, key_for<crypto::aes256_gcm_siv, kw::format::native>::create(ring).value());
      if (form == "tink aes-256-gcm")
        check(each, key_for<crypto::aes256_gcm, kw::format::tink>::create(ring).value());
      ++checked;
    }
  }
  BOOST_TEST(checked == 4U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace opened_key_test
