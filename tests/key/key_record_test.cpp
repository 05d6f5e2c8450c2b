#include <keywarden/key/key_record.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/protect/opened_record.hpp>

#include "protect/world.hpp"
#include "support/refusals.hpp"

namespace key_record_test {

using namespace keywarden;
using namespace keywarden::testing;
using nlohmann::json;
using protect::any_of;
using protect::machine;

constexpr std::string_view kind = "symmetric_key";
constexpr std::string_view name = "db/sales/orders";
constexpr std::string_view material = "what the record keeps";

template <class Protector>
result<opened_record> open_as(bytes_view stored, const Protector& protector) {
  auto record = key_record::parse(stored);
  if (!record) return record.error();
  return opened_record::open(*record, kind, name, protector);
}

/// A record with a slot for each alternative of the protector.
template <class Protector>
bytes record_for(const Protector& protector, std::string_view of_kind = kind,
                 std::string_view at = name) {
  auto made = opened_record::create(of_kind, named(at), requirements_of<Protector>,
                                    plaintext::copy_of(as_bytes(material)))
                  .value();
  made.add_slots_of(protector).value();
  made.header().versions = {
      {key_id(7), key_state::active, time_point(std::chrono::seconds(1700000000)), 65536},
      {key_id(9), key_state::retired, time_point(std::chrono::seconds(1600000000)), 0}};
  made.header().attributes = {{"note", "public"}};
  return made.encode().value();
}

json document_of(bytes_view stored) { return json::parse(as_text(stored)); }

/// The record as a thief would write it: other content under the MAC that was there.
bytes rewritten(json document, int indent = 1) {
  const auto closing = document.at("mac").get<std::string>();
  document.erase("mac");
  auto text = document.dump(indent);
  text.resize(text.size() - 2);
  text.append(keywarden::detail::mac_before).append(closing).append(keywarden::detail::mac_after);
  return to_bytes(as_bytes(text));
}

template <class Change>
bytes changed(bytes_view stored, Change&& change) {
  auto document = document_of(stored);
  change(document);
  return rewritten(std::move(document));
}

/// Where the value of an outermost member stands.
struct range {
  std::size_t begin;
  std::size_t end;
  bool contains(std::size_t at) const { return begin <= at && at < end; }
};
range value_of(std::string_view text, const std::string& member) {
  const auto label = "\n \"" + member + "\": ";
  const auto begin = text.find(label) + label.size();
  return {begin, std::min(text.find(",\n \"", begin), text.size())};
}

/// What a record says to one flipped bit: never that it opened, and exactly what its place allows.
template <class Protector>
void flip_refused(bytes& stored, const std::map<std::string, range>& members, std::size_t at,
                  unsigned bit, const Protector& protector) {
  stored[at] = static_cast<std::uint8_t>(stored[at] ^ (1U << bit));
  const auto parsed = key_record::parse(stored);
  const auto outcome = parsed ? opened_record::open(*parsed, kind, name, protector)
                              : result<opened_record>(parsed.error());
  stored[at] = static_cast<std::uint8_t>(stored[at] ^ (1U << bit));

  std::set<errc> allowed{errc::malformed};
  const auto size = stored.size();
  const auto tail = size - keywarden::detail::mac_tail;
  const range mac_text{tail + keywarden::detail::mac_before.size(),
                       size - keywarden::detail::mac_after.size()};
  if (at >= tail)
    allowed = mac_text.contains(at)
                  ? (parsed ? std::set{errc::authentication_failed} : std::set{errc::malformed})
                  : std::set{errc::truncated};
  else if (members.at("keywarden").contains(at))
    allowed = {errc::malformed, errc::unsupported_version};
  else if (members.at("commitment").contains(at) || members.at("id").contains(at))
    allowed = {parsed ? errc::no_slot_opened : errc::malformed};
  else if (members.at("kind").contains(at) || members.at("name").contains(at) ||
           members.at("material").contains(at) || members.at("attributes").contains(at) ||
           members.at("generation").contains(at) || members.at("versions").contains(at))
    allowed = {parsed ? errc::authentication_failed : errc::malformed};
  else if (members.at("requirements").contains(at))
    allowed = parsed ? std::set{errc::authentication_failed}
                     : std::set{errc::malformed, errc::limit_exceeded};
  else if (members.at("slots").contains(at))
    allowed = parsed ? std::set{errc::authentication_failed, errc::no_slot_opened}
                     : std::set{errc::malformed};
  else if (parsed)
    allowed = {errc::authentication_failed};  // white space, which only the MAC notices
  if (outcome || !allowed.contains(outcome.error().code()))
    BOOST_ERROR("byte " << at << " bit " << bit << ": "
                        << (outcome ? "opened" : outcome.error().message()));
}

template <class Protector>
void every_flip_refused(bytes stored, const Protector& protector, unsigned bits,
                        std::size_t stride = 1) {
  BOOST_REQUIRE(accepted(open_as(stored, protector)));
  std::map<std::string, range> members;
  for (const auto* each : {"attributes", "commitment", "generation", "id", "keywarden", "kind",
                           "material", "name", "requirements", "slots", "versions"})
    members.emplace(each, value_of(as_text(stored), each));
  for (std::size_t at = 0; at < stored.size(); at += stride)
    for (unsigned bit = 0; bit < bits; ++bit)
      flip_refused(stored, members, at, bits == 8 ? bit : static_cast<unsigned>(at % 8), protector);
  BOOST_TEST(accepted(open_as(stored, protector)));
}

/// A header that is ready to be written.
record_header some_header() {
  record_header header;
  header.kind = kind;
  header.name = name;
  header.slots.push_back({"00000000", "label", {{"scheme", "machine"}}});
  return header;
}

secret_key some_key() { return secret_key::copy_of(bytes(32, 5)); }

result<bytes> written(const record_header& header) {
  return key_record::write(header, some_key(), as_bytes(material));
}

BOOST_AUTO_TEST_CASE(a_record_reads_back_as_it_was_written) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  const auto record = key_record::parse(stored).value();
  const auto& header = record.header();
  BOOST_TEST(header.kind == kind);
  BOOST_TEST(header.name == name);
  BOOST_TEST(header.generation == 1U);
  BOOST_TEST((header.floor == requirements_of<machine>));
  BOOST_REQUIRE(header.slots.size() == 1U);
  BOOST_TEST(header.slots[0].id.size() == 8U);
  BOOST_TEST(header.slots[0].label == "machine");
  BOOST_TEST(header.slots[0].scheme() == "machine");
  BOOST_REQUIRE(header.versions.size() == 2U);
  BOOST_TEST((header.versions[0].id == key_id(7)));
  BOOST_TEST((header.versions[0].state == key_state::active));
  BOOST_TEST(header.versions[0].created.time_since_epoch().count() == 1700000000);
  BOOST_TEST(header.versions[0].leased_messages == 65536U);
  BOOST_TEST((header.versions[1].state == key_state::retired));
  BOOST_TEST((header.attributes == json{{"note", "public"}}));
  BOOST_TEST(open_as(stored, here.machine("m")).value().material().text() == material);
  // and what the tests below rewrite is what the program wrote, so that they alter only what they
  // mean to
  BOOST_TEST((rewritten(document_of(stored)) == stored));
}

BOOST_AUTO_TEST_CASE(the_same_record_is_never_sealed_the_same_way_twice) {
  const auto first = document_of(written(some_header()).value());
  const auto second = document_of(written(some_header()).value());
  BOOST_TEST(first["material"] != second["material"]);
  BOOST_TEST(first["commitment"] == second["commitment"]);
}

BOOST_AUTO_TEST_CASE(every_bit_of_a_record_counts) {
  const world here;
  every_flip_refused(record_for(here.machine("m")), here.machine("m"), 8);
}

BOOST_AUTO_TEST_CASE(every_byte_of_a_record_that_a_password_opens_counts) {
  every_flip_refused(record_for(by_heart("one")), by_heart("one"), 1);
}

// Every byte of smaller records is altered above; of this one, enough to meet every member of every
// slot.
BOOST_AUTO_TEST_CASE(every_seventh_byte_of_a_record_with_many_slots_counts) {
  const world here;
  using x_wing = protect::recipient<crypto::x_wing>;
  using pair = protect::all_of<machine, typed>;
  using three = protect::threshold<2, machine, typed, typed>;
  using all = any_of<machine, typed, x_wing, pair, three>;
  const auto m = here.machine("m");
  const all right(m, by_heart("one"), recipient_of<crypto::x_wing>(0), pair(m, by_heart("two")),
                  three(m, by_heart("three"), by_heart("four")));
  const all machine_only(m, typed(), x_wing(), pair(m, typed()), three(m, typed(), typed()));
  every_flip_refused(record_for(right), machine_only, 1, 7);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_told) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  for (std::size_t size = 0; size < stored.size(); ++size)
    BOOST_TEST(refused_as(errc::truncated, key_record::parse(bytes_view(stored).first(size))));
  auto longer = stored;
  for (const auto byte : {'\n', ' ', '}', '\0'}) {
    longer.push_back(static_cast<std::uint8_t>(byte));
    BOOST_TEST(refused_as(errc::truncated, key_record::parse(longer)));
  }
  for (std::size_t cut = 1; cut < stored.size() - keywarden::detail::mac_tail; ++cut)
    BOOST_TEST(refused_as(errc::malformed, key_record::parse(bytes_view(stored).subspan(cut))));
}

BOOST_AUTO_TEST_CASE(nothing_is_added_behind_the_end) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  const auto tail = bytes_view(stored).last(keywarden::detail::mac_tail);
  for (const auto* between : {"", " ", "{", "{\"a\": 1"}) {
    auto twice = stored;
    append(twice, as_bytes(between));
    append(twice, tail);
    BOOST_TEST(refused_as(errc::malformed, key_record::parse(twice)));
    auto hidden = stored;
    hidden.push_back(0);
    append(hidden, as_bytes(between));
    append(hidden, tail);
    BOOST_TEST(refused_as(errc::malformed, key_record::parse(hidden)));
  }
}

BOOST_AUTO_TEST_CASE(slots_are_not_stripped_doubled_reordered_or_renamed) {
  const world here;
  using both = any_of<machine, typed>;
  const both right(here.machine("m"), by_heart("one"));
  const auto stored = record_for(right);
  const auto refused = [&](errc code, auto&& change) {
    const auto altered = changed(stored, change);
    BOOST_TEST(altered != stored);
    BOOST_TEST(refused_as(code, open_as(altered, right)));
  };
  refused(errc::authentication_failed, [](json& all) { all["slots"].erase(0); });
  refused(errc::authentication_failed, [](json& all) { all["slots"].erase(1); });
  refused(errc::no_slot_opened, [](json& all) { all["slots"] = json::array(); });
  refused(errc::authentication_failed,
          [](json& all) { std::swap(all["slots"][0], all["slots"][1]); });
  refused(errc::malformed, [](json& all) { all["slots"].push_back(all["slots"][0]); });
  refused(errc::authentication_failed, [](json& all) {
    all["slots"].push_back(all["slots"][0]);
    all["slots"].back()["id"] = "01234567";
  });
  refused(errc::authentication_failed,
          [](json& all) { all["slots"][1]["label"] = "somebody else"; });
  refused(errc::authentication_failed, [](json& all) { all["slots"][1]["id"] = "01234567"; });
}

BOOST_AUTO_TEST_CASE(slots_of_two_records_do_not_mix) {
  const world here;
  const auto first = record_for(here.machine("m"));
  const auto second = record_for(here.machine("m"));
  const auto theirs = document_of(second)["slots"];
  BOOST_TEST(refused_as(
      errc::no_slot_opened,
      open_as(changed(first, [&](json& all) { all["slots"] = theirs; }), here.machine("m"))));
  BOOST_TEST(
      refused_as(errc::authentication_failed,
                 open_as(changed(first, [&](json& all) { all["slots"].push_back(theirs[0]); }),
                         here.machine("m"))));
  // nor does any other part of one fit into the other
  for (const auto* part : {"commitment", "id"})
    BOOST_TEST(refused_as(
        errc::no_slot_opened,
        open_as(changed(first, [&](json& all) { all[part] = document_of(second)[part]; }),
                here.machine("m"))));
  for (const auto* part : {"material", "mac"})
    BOOST_TEST(refused_as(
        errc::authentication_failed,
        open_as(changed(first, [&](json& all) { all[part] = document_of(second)[part]; }),
                here.machine("m"))));
}

BOOST_AUTO_TEST_CASE(the_material_of_an_older_generation_is_refused) {
  const world here;
  auto record = opened_record::create(kind, named(name), requirements_of<machine>,
                                      plaintext::copy_of(as_bytes("old")))
                    .value();
  record.add_slots_of(here.machine("m")).value();
  const auto older = document_of(record.encode().value());
  record.set_material(plaintext::copy_of(as_bytes("new")));
  const auto newer = record.encode().value();
  BOOST_TEST(
      refused_as(errc::authentication_failed,
                 open_as(changed(newer, [&](json& all) { all["material"] = older["material"]; }),
                         here.machine("m"))));
}

BOOST_AUTO_TEST_CASE(the_mac_covers_the_bytes_and_not_their_meaning) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  for (const int indent : {-1, 0, 2, 4})
    BOOST_TEST(!open_as(rewritten(document_of(stored), indent), here.machine("m")));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        open_as(rewritten(document_of(stored), 2), here.machine("m"))));
  auto spaced = stored;
  spaced.insert(spaced.begin() + 1, ' ');
  BOOST_TEST(refused_as(errc::authentication_failed, open_as(spaced, here.machine("m"))));
  auto escaped = std::string(as_text(stored));
  escaped.replace(escaped.find("public"), 1, "\\u0070");
  BOOST_TEST(
      refused_as(errc::authentication_failed, open_as(as_bytes(escaped), here.machine("m"))));
}

BOOST_AUTO_TEST_CASE(a_lowered_floor_is_refused) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  for (const auto& [member, value] : {std::pair{"strength", json(0U)},
                                      {"guess_cost", json(0U)},
                                      {"quantum_safe", json(false)},
                                      {"bound_to", json::array()}})
    BOOST_TEST(
        refused_as(errc::authentication_failed,
                   open_as(changed(stored, [&](json& all) { all["requirements"][member] = value; }),
                           here.machine("m"))));
}

BOOST_AUTO_TEST_CASE(a_record_opens_under_its_own_kind_and_name_only) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  const auto record = key_record::parse(stored).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        opened_record::open(record, kind, "db/sales/order", here.machine("m"))));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        opened_record::open(record, "credential", name, here.machine("m"))));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        open_as(record_for(here.machine("m"), "credential"), here.machine("m"))));
  BOOST_TEST(
      refused_as(errc::authentication_failed,
                 open_as(record_for(here.machine("m"), kind, "db/sales/x"), here.machine("m"))));
  // a thief who renames it as well gets no further
  for (const auto* part : {"kind", "name"}) {
    const auto other =
        record_for(here.machine("m"), part == std::string("kind") ? "credential" : kind,
                   part == std::string("name") ? "db/sales/x" : name);
    BOOST_TEST(refused_as(
        errc::no_slot_opened,
        open_as(changed(other, [&](json& all) { all[part] = document_of(stored)[part]; }),
                here.machine("m"))));
  }
}

BOOST_AUTO_TEST_CASE(counts_and_sizes_are_bounded) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  const auto refused = [&](auto&& change) {
    BOOST_TEST(refused_as(errc::limit_exceeded, key_record::parse(changed(stored, change))));
  };
  const auto fits = [&](auto&& change) {
    BOOST_TEST(accepted(key_record::parse(changed(stored, change))));
  };
  const auto slots = [](std::size_t count) {
    return [count](json& all) {
      const auto one = all["slots"][0];
      all["slots"] = json::array();
      for (std::size_t i = 0; i < count; ++i) {
        all["slots"].push_back(one);
        all["slots"].back()["id"] = std::to_string(10'000'000 + i);
      }
    };
  };
  const auto versions = [](std::size_t count) {
    return [count](json& all) { all["versions"] = json(count, all["versions"][0]); };
  };
  fits(slots(64));
  refused(slots(65));
  fits(versions(256));
  refused(versions(257));
  fits([](json& all) { all["slots"][0]["label"] = std::string(64, 'l'); });
  refused([](json& all) { all["slots"][0]["label"] = std::string(65, 'l'); });
  refused([](json& all) { all["slots"][0]["id"] = "123456789"; });
  refused([](json& all) { all["name"] = std::string(256, 'n'); });
  refused([](json& all) { all["kind"] = std::string(65, 'k'); });
  refused([](json& all) { all["material"] = std::string(349532, 'A'); });
  refused([](json& all) { all["requirements"]["strength"] = 1025; });
  refused([](json& all) { all["requirements"]["guess_cost"] = 256; });
  refused([](json& all) { all["versions"][0]["created"] = (std::uint64_t{1} << 40U) + 1; });
  refused([](json& all) { all["versions"][0]["id"] = std::uint64_t{1} << 32U; });
  refused([](json& all) { all["attributes"]["large"] = std::string(2 << 20, 'a'); });
  BOOST_TEST(refused_as(errc::limit_exceeded, key_record::parse(bytes(2 << 20, '['))));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_record_is_malformed) {
  const world here;
  const auto stored = record_for(here.machine("m"));
  const auto refused = [&](auto&& change) {
    BOOST_TEST(refused_as(errc::malformed, key_record::parse(changed(stored, change))));
  };
  refused([](json& all) { all["extra"] = 1; });
  refused([](json& all) { all["slots"][0]["extra"] = 1; });
  refused([](json& all) { all["versions"][0]["extra"] = 1; });
  refused([](json& all) { all["requirements"]["extra"] = 1; });
  refused([](json& all) { all["requirements"]["bound_to"] = {"moon"}; });
  refused([](json& all) { all["requirements"]["bound_to"] = {1}; });
  refused([](json& all) { all["versions"][0]["state"] = "lively"; });
  refused([](json& all) { all["versions"][0]["created"] = -1; });
  refused([](json& all) { all["versions"][0] = 1; });
  refused([](json& all) { all["slots"][0] = "slot"; });
  refused([](json& all) { all["slots"][0]["data"] = "data"; });
  refused([](json& all) { all["generation"] = 1.5; });
  refused([](json& all) { all["keywarden"] = "1"; });
  refused([](json& all) { all["attributes"] = json::array(); });
  const auto document = document_of(stored);
  for (const auto& [member, value] : document.items())
    if (member != "mac") refused([&, gone = member](json& all) { all.erase(gone); });
}

BOOST_AUTO_TEST_CASE(another_format_version_is_told_before_anything_else) {
  const world here;
  for (const unsigned version : {0U, 2U, 4294967295U}) {
    const auto refused = key_record::parse(changed(record_for(here.machine("m")), [&](json& all) {
      all["keywarden"] = version;
      all.erase("kind");
    }));
    BOOST_TEST(refused_as(errc::unsupported_version, refused));
    BOOST_TEST(refused.error().value_of(fact::version) == std::to_string(version));
  }
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf_8_is_refused_when_it_is_written) {
  auto label = some_header();
  label.slots[0].label = "caf\xe9";
  auto other_kind = some_header();
  other_kind.kind = "\xff";
  auto other_name = some_header();
  other_name.name = "db/\xff";
  auto attribute = some_header();
  attribute.attributes["note"] = "\xff";
  for (const auto& header : {label, other_kind, other_name, attribute})
    BOOST_TEST(refused_as(errc::invalid_argument, written(header)));
  auto long_label = some_header();
  long_label.slots[0].label = std::string(64, '\xff');
  BOOST_TEST(!written(long_label));
}

BOOST_AUTO_TEST_CASE(what_would_not_read_back_is_not_written) {
  BOOST_TEST(accepted(written(some_header())));
  const auto refused = [](errc code, auto&& change) {
    auto header = some_header();
    change(header);
    BOOST_TEST(refused_as(code, written(header)));
  };
  refused(errc::limit_exceeded, [](record_header& header) {
    for (int i = 0; i < 64; ++i)
      header.slots.push_back({std::to_string(10'000'000 + i), "", json::object()});
  });
  refused(errc::limit_exceeded, [](record_header& header) { header.versions.resize(257); });
  refused(errc::limit_exceeded,
          [](record_header& header) { header.slots[0].label = std::string(65, 'l'); });
  refused(errc::limit_exceeded, [](record_header& header) { header.slots[0].id = "123456789"; });
  refused(errc::limit_exceeded,
          [](record_header& header) { header.attributes["large"] = std::string(1 << 20, 'a'); });
  refused(errc::malformed, [](record_header& header) { header.slots.push_back(header.slots[0]); });
  refused(errc::malformed, [](record_header& header) { header.slots[0].data = json::array(); });
  refused(errc::malformed, [](record_header& header) { header.attributes = nullptr; });
  refused(errc::malformed, [](record_header& header) {
    header.versions.push_back(
        {key_id(1), key_state::active, time_point(std::chrono::seconds(-1)), 0});
  });
  refused(errc::malformed, [](record_header& header) {
    for (int level = 0; level < 30; ++level)
      header.attributes = json{{"deeper", header.attributes}};
  });
  BOOST_TEST(
      refused_as(errc::limit_exceeded,
                 key_record::write(some_header(), some_key(), bytes(record_limits::material + 1))));
}

BOOST_AUTO_TEST_CASE(the_largest_material_is_written_and_opened) {
  const bytes large(record_limits::material - nonce::size - crypto::tag::size, 3);
  const auto record =
      key_record::parse(key_record::write(some_header(), some_key(), large).value()).value();
  BOOST_TEST(accepted(record.authenticate(some_key())));
  BOOST_TEST((record.open_material(some_key()).value() == bytes_view(large)));
}

BOOST_AUTO_TEST_CASE(another_key_is_refused_by_commitment_mac_and_material_alike) {
  const auto record = key_record::parse(written(some_header()).value()).value();
  const auto other = secret_key::copy_of(bytes(32, 6));
  BOOST_TEST(accepted(record.check_commitment(some_key())));
  BOOST_TEST(refused_as(errc::authentication_failed, record.check_commitment(other)));
  BOOST_TEST(refused_as(errc::authentication_failed, record.authenticate(other)));
  BOOST_TEST(refused_as(errc::authentication_failed, record.open_material(other)));
  BOOST_TEST(!record.check_commitment(secret_key()));
}

BOOST_AUTO_TEST_CASE(material_too_short_for_a_seal_is_truncated) {
  const auto stored = written(some_header()).value();
  for (const auto* shorter : {"", "AAAA"}) {
    const auto record =
        key_record::parse(changed(stored, [&](json& all) { all["material"] = shorter; })).value();
    BOOST_TEST(refused_as(errc::truncated, record.open_material(some_key())));
  }
}

}  // namespace key_record_test
