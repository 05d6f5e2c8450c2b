// Whoever can write the shared store, and is no member.
#include <keywarden/vault/scale_out.hpp>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace scale_out_hostile {

// A deployment of two members, and a stranger with a deployment of its own.
struct two_and_a_stranger {
  shared_place shared;
  server one, two, stranger;
  farm first = one.open_or_create(shared).value();
  farm second = two.join(shared, first, "second");
  shared_place elsewhere;
  farm strangers = stranger.open_or_create(elsewhere, "stranger").value();
  // Both have leased messages, so that they need no store for the next ones.
  decltype(first.key<rows>()) firsts = first.key<rows>(), seconds = second.key<rows>();
  kw::sealed<rows> message = firsts.seal(kw::as_bytes("as before")).value();
  kw::sealed<rows> other = seconds.seal(kw::as_bytes("as before")).value();

  [[nodiscard]] std::string key() const { return shared.read(shared_place::key_name); }
  void put_key(std::string_view text) { shared.write(shared_place::key_name, text); }

  /// What members had before stays in use.
  void goes_on() {
    BOOST_TEST(seconds.open(message).value().text() == "as before");
    BOOST_TEST(firsts.open(seconds.seal(kw::as_bytes("on")).value()).value().text() == "on");
  }
  /// Members that look at a record like this refuse it, keep what they had, and so do those that
  /// start anew.
  void refused_by_all(errc code) {
    BOOST_TEST(refused_as(code, first.refresh()));
    BOOST_TEST(refused_as(code, second.refresh()));
    BOOST_TEST(refused_as(code, one.open(shared)));
    BOOST_TEST(refused_as(code, one.open_or_create(shared)));
    BOOST_TEST(refused_as(code, first.leave(id_of(strangers, "stranger"))));
    BOOST_TEST(refused_as(code, first.recreate()));
    goes_on();
  }
};

// The text with the first occurrence of one part replaced.
[[nodiscard]] std::string replaced(std::string text, std::string_view part, std::string_view by) {
  return text.replace(text.find(part), part.size(), by);
}
[[nodiscard]] std::string public_key_in(const kw::key_record& record, std::size_t slot) {
  return record.header().slots.at(slot).data.at("public_key").get<std::string>();
}

}  // namespace scale_out_hostile

BOOST_FIXTURE_TEST_SUITE(scale_out_hostile_writer, scale_out_hostile::two_and_a_stranger)

using namespace scale_out_hostile;

BOOST_AUTO_TEST_CASE(another_key_in_the_record_is_not_believed) {
  put_key(elsewhere.read(shared_place::key_name));
  refused_by_all(errc::authentication_failed);
}

BOOST_AUTO_TEST_CASE(another_key_under_the_same_record_id_is_not_believed) {
  // The stranger makes a record of its own with the members' ids and public keys, which are public.
  using kw::detail::opened_record_access;
  const auto genuine = shared.key();
  auto ring = kw::key_ring::create(kw::time_point{}).value();
  auto record =
      kw::opened_record::create(kw::role::scale_out_key::name, named(shared_place::key_name),
                                genuine.header().floor, kw::detail::ring_material(ring))
          .value();
  record.header() = genuine.header();
  record.header().slots.clear();
  record.header().versions = kw::detail::ring_versions(ring);
  const auto members = kw::detail::roster_of<kw::crypto::x_wing>(genuine.header()).value();
  for (const auto& each : members) {
    auto theirs = kw::crypto::x_wing::public_key::decode(each.public_key).value();
    BOOST_TEST(accepted(record.add_slot(kw::protect::recipient<>(std::move(theirs)),
                                        kw::detail::label_of(each.installation))));
  }
  const auto witnesses = record.header().attributes["witnesses"];
  kw::detail::record_key_chain chain;
  BOOST_TEST(accepted(chain.extend(kw::detail::opened_record_access::record_key(record))));
  record.set_material(chain.material(ring));
  BOOST_TEST(accepted(kw::detail::bear_witness(record, members, chain)));
  // With its own witnesses, and with those it can copy.
  put_key(kw::as_text(record.encode().value()));
  refused_by_all(errc::authentication_failed);
  record.header().attributes["witnesses"] = witnesses;
  put_key(kw::as_text(record.encode().value()));
  refused_by_all(errc::authentication_failed);
}

BOOST_AUTO_TEST_CASE(a_slot_for_the_stranger_does_not_make_it_a_member) {
  auto document = nlohmann::json::parse(key());
  const auto theirs = nlohmann::json::parse(elsewhere.read(shared_place::key_name));
  document["slots"].push_back(theirs["slots"][0]);
  document["attributes"]["members"].push_back(theirs["attributes"]["members"][0]);
  const auto mac = document["mac"].get<std::string>();
  document.erase("mac");
  auto text = document.dump(1);
  text.resize(text.size() - 2);
  put_key(text + ",\n \"mac\": \"" + mac + "\"\n}\n");
  refused_by_all(errc::authentication_failed);
}

BOOST_AUTO_TEST_CASE(another_public_key_in_a_members_slot_is_not_believed) {
  const auto mine = public_key_in(shared.key(), 1);
  const auto theirs = public_key_in(elsewhere.key(), 0);
  put_key(replaced(key(), mine, theirs));
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
  // The member whose own key was replaced is not talked out of its membership either.
  BOOST_TEST(refused_as(errc::authentication_failed, second.refresh()));
  BOOST_TEST(refused_as(errc::authentication_failed, first.recreate()));
  goes_on();
}

BOOST_AUTO_TEST_CASE(a_removal_that_no_member_vouches_for_is_not_believed) {
  auto document = nlohmann::json::parse(key());
  document["slots"].erase(1);
  document["attributes"]["members"].erase(1);
  document["generation"] = document["generation"].get<std::uint64_t>() + 5;
  const auto mac = document["mac"].get<std::string>();
  document.erase("mac");
  auto text = document.dump(1);
  text.resize(text.size() - 2);
  put_key(text + ",\n \"mac\": \"" + mac + "\"\n}\n");
  BOOST_TEST(refused_as(errc::authentication_failed, second.refresh()));
  goes_on();
}

BOOST_AUTO_TEST_CASE(an_earlier_state_from_before_a_removal_is_refused) {
  const auto before = key();
  BOOST_TEST(accepted(first.leave(id_of(first, "second"))));
  put_key(before);
  BOOST_TEST(refused_as(errc::rolled_back, first.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, one.open(shared)));  // also after a restart
}

BOOST_AUTO_TEST_CASE(an_earlier_state_from_before_a_rotation_is_refused) {
  const auto before = key();
  first.recreate().value();
  BOOST_TEST(accepted(second.refresh()));
  put_key(before);
  BOOST_TEST(refused_as(errc::rolled_back, second.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, two.open(shared)));
  // A higher generation in it convinces nobody.
  put_key(replaced(before, "\"generation\": ", "\"generation\": 9"));
  BOOST_TEST(refused_as(errc::authentication_failed, two.open(shared)));
}

BOOST_AUTO_TEST_CASE(a_removal_is_not_undone_through_a_member_that_has_not_seen_it) {
  const server three;
  auto third = three.join(shared, first, "third");
  BOOST_TEST(accepted(second.refresh()));
  const auto before = key();
  BOOST_TEST(accepted(first.leave(id_of(first, "third"))));
  put_key(before);
  // The second, which has not looked, writes newer states of the old record.
  BOOST_TEST(accepted(second.add_version()));
  BOOST_TEST(accepted(second.add_version()));
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
  BOOST_TEST(refused_as(errc::authentication_failed, one.open(shared)));
}

BOOST_AUTO_TEST_CASE(a_removed_member_does_not_let_itself_back_in) {
  // It has the record key and the chain of its time, and writes a later state with them.
  auto edit = opened_by(two, shared);
  BOOST_TEST(accepted(first.leave(id_of(first, "second"))));
  edit.record.header().generation += 100;
  write_by_hand(shared, edit);
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
  BOOST_TEST(refused_as(errc::authentication_failed, one.open(shared)));
}

// A member that removes itself by hand, and keeps what it wrote.
struct left_by_hand {
  kw::detail::shared_edit edit;
  kw::detail::roster_entry self;

  left_by_hand(const server& member, shared_place& shared, bool honest)
      : edit(opened_by(member, shared)), self(edit.members.at(1)) {
    BOOST_TEST(accepted(kw::detail::strike_off(edit, self.installation)));
    edit.leaves = honest;
    write_by_hand(shared, edit);
  }
  void come_back(shared_place& shared) {
    const kw::join_request again{self.installation, self.name, self.public_key};
    BOOST_TEST(accepted(kw::detail::enrol<kw::crypto::x_wing>(edit, again, self.joined)));
    edit.record.header().generation += 100;
    write_by_hand(shared, edit);
  }
};

BOOST_AUTO_TEST_CASE(a_member_that_left_by_itself_does_not_let_itself_back_in) {
  left_by_hand second_by_hand(two, shared, true);
  BOOST_TEST(accepted(first.refresh()));  // which replaces the record key
  second_by_hand.come_back(shared);
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
  BOOST_TEST(refused_as(errc::authentication_failed, one.open(shared)));
}

BOOST_AUTO_TEST_CASE(a_member_that_left_unnoticed_is_shut_out_by_the_next_change) {
  left_by_hand second_by_hand(two, shared, false);
  BOOST_TEST(accepted(first.refresh()));
  BOOST_TEST(refused_as(errc::not_found, first.leave(second_by_hand.self.installation)));
  first.recreate().value();
  second_by_hand.come_back(shared);
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
  BOOST_TEST(refused_as(errc::authentication_failed, one.open(shared)));
}

BOOST_AUTO_TEST_CASE(the_record_key_is_replaced_once_after_a_member_has_left_by_itself) {
  const server three;
  auto third = three.join(shared, first, "third");
  BOOST_TEST(accepted(second.leave(id_of(second, "second"))));
  const auto left = shared.key().header().key_commitment;
  for (int i = 0; i < 256; ++i) BOOST_TEST(accepted(firsts.seal({})));  // leases, and replaces it
  const auto renewed = shared.key().header().key_commitment;
  BOOST_TEST((renewed != left));
  BOOST_TEST(accepted(third.refresh()));
  BOOST_TEST(accepted(first.refresh()));
  BOOST_TEST((shared.key().header().key_commitment == renewed));
}

BOOST_AUTO_TEST_CASE(
    what_was_seen_is_kept_when_another_process_keeps_something_at_the_same_moment) {
  shared_place place;
  busy_server own;
  auto member = farm::open_or_create(own.own, place.share(), farm_name, "first").value();
  static_cast<void>(server().join(place, member, "second"));
  const auto before = place.read(shared_place::key_name);
  place.after_commit([&] { own.conflict_once(); });
  BOOST_TEST(accepted(member.leave_and_rotate(id_of(member, "second"))));
  place.write(shared_place::key_name, before);
  BOOST_TEST(refused_as(errc::rolled_back, member.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, own.base.open(place)));
}

BOOST_AUTO_TEST_CASE(what_is_kept_never_goes_back) {
  const server three;
  static_cast<void>(three.join(shared, first, "third"));
  BOOST_TEST(accepted(second.refresh()));
  auto process = one.open(shared).value();  // another process of the first
  std::optional<kw::detail::shared_edit> thirds;
  shared.after_commit([&] {
    thirds = opened_by(three, shared);
    BOOST_TEST(accepted(second.leave(id_of(second, "third"))));
    BOOST_TEST(accepted(process.refresh()));
  });
  BOOST_TEST(accepted(first.add_version()));
  thirds->record.header().generation += 100;
  write_by_hand(shared, *thirds);
  BOOST_TEST(refused_as(errc::authentication_failed, one.open(shared)));
  BOOST_TEST(refused_as(errc::authentication_failed, process.refresh()));
}

BOOST_AUTO_TEST_CASE(leased_messages_are_not_given_back) {
  shared_place place;
  busy_server own;
  auto member = farm::open_or_create(own.own, place.share(), farm_name, "first").value();
  const auto key = member.key<rows>();
  const auto before = place.read(shared_place::key_name);
  place.after_commit([&] { own.conflict_once(); });
  BOOST_TEST(accepted(key.seal({})));
  place.write(shared_place::key_name, before);
  BOOST_TEST(refused_as(errc::rolled_back, member.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, own.base.open(place)));
}

BOOST_AUTO_TEST_CASE(messages_are_not_leased_when_that_cannot_be_kept) {
  shared_place place;
  server own;
  const auto member = own.open_or_create(place).value();
  place.after_commit([&] { own.place.write("scale_out_member/farm", std::nullopt); });
  BOOST_TEST(refused_as(errc::not_activated, member.key<rows>().seal({})));
}

BOOST_AUTO_TEST_CASE(a_process_is_not_kept_in_a_past_that_its_instance_has_seen_the_end_of) {
  auto process = one.open(shared.stuck()).value();
  const auto key = process.key<rows>();
  BOOST_TEST(accepted(key.current()));
  first.leave_and_rotate(id_of(first, "second")).value();
  BOOST_TEST(refused_as(errc::rolled_back, process.refresh()));
  const later unseen(std::chrono::minutes(10));
  const auto refusal = key.seal({});
  BOOST_TEST(refused_as(errc::timed_out, refusal));
  BOOST_TEST((refusal.error().causes().front() == errc::rolled_back));
}

BOOST_AUTO_TEST_CASE(
    a_state_from_before_a_version_was_disabled_or_messages_were_leased_is_refused) {
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  const auto before = key();
  BOOST_TEST(accepted(first.disable(old)));
  put_key(before);
  BOOST_TEST(refused_as(errc::rolled_back, first.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, one.open(shared)));
  const server three;
  shared_place own_place;
  auto alone = three.open_or_create(own_place).value();
  const auto unleased = own_place.read(shared_place::key_name);
  BOOST_TEST(accepted(alone.key<rows>().seal({})));
  own_place.write(shared_place::key_name, unleased);
  BOOST_TEST(refused_as(errc::rolled_back, alone.refresh()));
  BOOST_TEST(refused_as(errc::rolled_back, three.open(own_place)));
}

BOOST_AUTO_TEST_CASE(a_planted_record_does_not_make_an_instance_forget_its_private_key) {
  const server next;
  shared_place empty;
  // Killed right after it kept what it was about to write; then the record is somebody else's.
  empty.before_commit(
      [&] { empty.write(shared_place::key_name, elsewhere.read(shared_place::key_name)); });
  BOOST_TEST(refused_as(errc::not_activated, next.open_or_create(empty)));
  BOOST_TEST(refused_as(errc::not_activated, next.open_or_create(empty)));
  BOOST_TEST(next.own.memberships().load(farm_name).value().has_value());
  empty.write(shared_place::key_name, std::nullopt);
  BOOST_TEST(accepted(next.open_or_create(empty)));
}

BOOST_AUTO_TEST_CASE(a_request_under_another_name_is_not_approved) {
  const server next;
  const auto ticket = next.ask(shared, "next");
  const auto at = "scale-out/farm/request/" + kw::detail::label_of(ticket.installation);
  shared.write(at, replaced(shared.read(at), "\"next\"", "\"second\""));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, ticket.fingerprint)));
}

BOOST_AUTO_TEST_CASE(at_most_256_requests_are_read) {
  for (int i = 0; i < 300; ++i) {
    auto id = std::to_string(i);
    shared.write("scale-out/farm/request/" + std::string(32 - id.size(), '0') + id, "{}");
  }
  const auto before = shared.reads();
  BOOST_TEST(first.requests().value().empty());
  BOOST_TEST(shared.reads() - before <= 257);
}

BOOST_AUTO_TEST_CASE(a_deployment_that_is_gone_is_not_made_anew_silently) {
  shared.write(shared_place::key_name, std::nullopt);
  BOOST_TEST(refused_as(errc::not_found, one.open(shared)));
  BOOST_TEST(refused_as(errc::not_found, one.open_or_create(shared)));
  BOOST_TEST(refused_as(errc::not_found, first.refresh()));
  goes_on();
  BOOST_TEST(accepted(farm::forget(one.own, farm_name)));
  BOOST_TEST(refused_as(errc::not_found, farm::forget(one.own, farm_name)));
  BOOST_TEST(accepted(one.open_or_create(shared)));
}

BOOST_AUTO_TEST_CASE(a_request_with_another_public_key_is_not_approved) {
  const server next;
  const auto ticket = next.ask(shared, "next");
  const auto at = "scale-out/farm/request/" + kw::detail::label_of(ticket.installation);
  auto request = nlohmann::json::parse(shared.read(at));
  request["public_key"] = public_key_in(elsewhere.key(), 0);
  shared.write(at, request.dump());
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, ticket.fingerprint)));
  for (const auto* hostile : {"", "{}", "[1]", "\xff", "{\"keywarden\":2}"}) {
    shared.write(at, hostile);
    BOOST_TEST(!first.approve(ticket.installation, ticket.fingerprint));
    BOOST_TEST(first.requests().value().empty());
  }
  shared.write(at, std::string(100000, ' '));
  BOOST_TEST(
      refused_as(errc::limit_exceeded, first.approve(ticket.installation, ticket.fingerprint)));
}

BOOST_AUTO_TEST_CASE(a_newcomer_does_not_join_a_deployment_that_the_stranger_made_up) {
  const server next;
  const auto ticket = next.ask(shared, "next");
  const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
  // The stranger lets the newcomer into its own deployment, under the same name.
  elsewhere.write("scale-out/farm/request/" + kw::detail::label_of(ticket.installation), [&] {
    const auto slot = shared.key().header().slots.at(2);
    return nlohmann::json{{"keywarden", 1},
                          {"kind", "join_request"},
                          {"installation", kw::detail::label_of(ticket.installation)},
                          {"name", "next"},
                          {"public_key", slot.data.at("public_key").get<std::string>()}}
        .dump();
  }());
  const auto theirs = strangers.approve(ticket.installation, ticket.fingerprint).value();
  const auto genuine = key();
  put_key(elsewhere.read(shared_place::key_name));
  BOOST_TEST(refused_as(errc::authentication_failed, next.join(shared, code)));
  put_key(genuine);
  BOOST_TEST(refused_as(errc::authentication_failed, next.join(shared, theirs)));
  BOOST_TEST(accepted(next.join(shared, code)));
}

BOOST_AUTO_TEST_CASE(a_note_that_a_version_was_seen_cannot_be_forged) {
  const auto note = "scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "second"));
  const auto version = first.add_version().value();
  auto document = nlohmann::json::parse(shared.read(note));
  document["versions"].push_back({{"id", version.value()}, {"mac", std::string(64, '0')}});
  for (const auto& hostile :
       {document.dump(), std::string("{}"), std::string("\xff"), std::string(100000, ' ')}) {
    shared.write(note, hostile);
    BOOST_TEST(refused_as(errc::key_state_refused, first.promote(version)));
  }
  // Nor copied from another member.
  shared.write(note,
               shared.read("scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "first"))));
  BOOST_TEST(refused_as(errc::key_state_refused, first.promote(version)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.promote(version)));
}

BOOST_AUTO_TEST_CASE(a_removed_member_does_not_give_the_word_of_another) {
  const server three;
  static_cast<void>(three.join(shared, first, "third"));
  BOOST_TEST(accepted(second.refresh()));
  const auto old = first.versions().value().front().id;
  const auto past = key();
  const auto active = first.recreate().value();
  const auto created = first.add_version().value();
  const auto note = "scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "second"));
  const auto thirds = opened_by(three, shared);  // while it is a member
  const auto forged =
      kw::detail::encode_seen(kw::detail::context_of(thirds), id_of(first, "second")).value();
  BOOST_TEST(accepted(first.leave(id_of(first, "third"))));
  const auto present = key();
  put_key(past);  // what the second is shown, so that it seals with the old version
  const later enough(std::chrono::minutes(16));
  const auto acknowledged = seconds.seal(kw::as_bytes("acknowledged")).value();
  put_key(present);
  shared.write(note, kw::as_text(forged));
  for (const auto& each : first.members().value())
    if (each.name == "second") {
      BOOST_TEST(each.seen.empty());
      BOOST_TEST((each.seals_with != active));
    }
  BOOST_TEST(refused_as(errc::key_state_refused, first.promote(created)));
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(old)));
  BOOST_TEST(accepted(first.enable(old)));
  BOOST_TEST(reads(first, acknowledged, "acknowledged"));
}

BOOST_AUTO_TEST_CASE(a_member_that_left_by_itself_does_not_give_the_word_of_another) {
  const server three;
  auto third = three.join(shared, first, "third");
  const auto created = first.add_version().value();
  auto thirds = opened_by(three, shared);
  BOOST_TEST(accepted(third.leave(id_of(third, "third"))));
  // It knows the record key of the state that it has left with.
  BOOST_TEST(accepted(kw::detail::strike_off(thirds, thirds.members.at(2).installation)));
  const auto forged =
      kw::detail::encode_seen(kw::detail::context_of(thirds), id_of(first, "second")).value();
  shared.write("scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "second")),
               kw::as_text(forged));
  BOOST_TEST(refused_as(errc::key_state_refused, first.promote(created)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.promote(created)));
}

BOOST_AUTO_TEST_CASE(a_removal_that_was_seen_is_not_undone_by_showing_the_past) {
  const auto before = key();
  first.leave_and_rotate(id_of(first, "second")).value();
  BOOST_TEST(refused_as(errc::not_activated, second.refresh()));
  put_key(before);
  BOOST_TEST(refused_as(errc::not_activated, second.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, seconds.seal({})));
  BOOST_TEST(refused_as(errc::not_activated, seconds.open(message)));
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  BOOST_TEST(refused_as(errc::already_exists,
                        farm::ask_to_join(two.own, shared.share(), farm_name, "second")));
}

BOOST_AUTO_TEST_CASE(one_removed_member_does_not_talk_another_into_being_one) {
  const server three;
  static_cast<void>(three.join(shared, first, "third"));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.leave(id_of(first, "second"))));
  auto thirds = opened_by(three, shared);
  BOOST_TEST(refused_as(errc::not_activated, second.refresh()));
  first.leave_and_rotate(id_of(first, "third")).value();
  const kw::join_request again{two.own.memberships().load(farm_name).value()->kept.installation,
                               "second",
                               kw::crypto::x_wing::private_key::decode(
                                   two.own.memberships().load(farm_name).value()->kept.private_key)
                                   .value()
                                   .public_part()
                                   .encode()};
  BOOST_TEST(accepted(kw::detail::enrol<kw::crypto::x_wing>(thirds, again, {})));
  thirds.record.header().generation += 100;
  write_by_hand(shared, thirds);
  BOOST_TEST(refused_as(errc::not_activated, second.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, seconds.seal({})));
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
}

BOOST_AUTO_TEST_CASE(a_removal_that_was_seen_and_could_not_be_kept_counts_in_this_process) {
  busy_server own;
  const auto ticket = farm::ask_to_join(own.own, shared.share(), farm_name, "own").value();
  const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
  auto member = farm::join(own.own, shared.share(), farm_name, code).value();
  const auto before = key();
  BOOST_TEST(accepted(first.leave(ticket.installation)));
  *own.broken = true;
  BOOST_TEST(refused_as(errc::not_activated, member.refresh()));
  put_key(before);
  BOOST_TEST(refused_as(errc::not_activated, member.refresh()));
  *own.broken = false;
  BOOST_TEST(refused_as(errc::not_activated, member.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, own.base.open(shared)));  // and is kept now
}

BOOST_AUTO_TEST_CASE(a_process_that_is_behind_its_instance_makes_no_backup) {
  auto process = one.open(shared.stuck()).value();
  first.leave_and_rotate(id_of(first, "second")).value();
  BOOST_TEST(refused_as(errc::rolled_back, process.extract(protection)));
}

BOOST_AUTO_TEST_CASE(who_left_by_itself_gives_no_word_to_the_very_next_change) {
  const server three;
  auto third = three.join(shared, first, "third");
  BOOST_TEST(accepted(second.refresh()));
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(accepted(third.refresh()));
  auto thirds = opened_by(three, shared);
  const auto members = thirds.members;
  BOOST_TEST(accepted(kw::detail::strike_off(thirds, members.at(2).installation)));
  thirds.leaves = true;
  write_by_hand(shared, thirds);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& other_member = members.at(i).installation;
    shared.write(
        "scale-out/farm/seen/" + kw::detail::label_of(other_member),
        kw::as_text(kw::detail::encode_seen(kw::detail::context_of(thirds), other_member).value()));
  }
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(old)));
  BOOST_TEST(accepted(first.refresh()));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.destroy(old)));
}

BOOST_AUTO_TEST_CASE(a_generation_that_a_leap_would_wrap_is_refused) {
  auto edit = opened_by(two, shared);
  edit.record.header().generation = ~std::uint64_t{0} - 100;
  write_by_hand(shared, edit);
  BOOST_TEST(refused_as(errc::malformed, first.refresh()));
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_not_talked_into_the_deployment_of_one_that_left_by_itself) {
  left_by_hand second_by_hand(two, shared, true);
  const server next;
  const auto ticket = next.ask(shared, "next");
  const auto at = "scale-out/farm/request/" + kw::detail::label_of(ticket.installation);
  const auto request =
      kw::detail::decode_request<kw::crypto::x_wing>(kw::as_bytes(shared.read(at))).value();
  const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
  const auto genuine = key();
  BOOST_TEST(accepted(kw::detail::enrol<kw::crypto::x_wing>(second_by_hand.edit, request, {})));
  second_by_hand.come_back(shared);
  BOOST_TEST(refused_as(errc::authentication_failed, next.join(shared, code)));
  put_key(genuine);
  BOOST_TEST(accepted(next.join(shared, code)));
}

BOOST_AUTO_TEST_CASE(no_backup_is_made_while_one_that_left_knows_the_record_key) {
  const left_by_hand second_by_hand(two, shared, true);
  shared.before_commit([&] { put_key(key()); });  // the renewal conflicts
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(refused_as(errc::store_busy, first.extract(protection)));
  // A look tries once, and is not held up.
  BOOST_TEST((std::chrono::steady_clock::now() - start < std::chrono::seconds(2)));
  BOOST_TEST(accepted(first.extract(protection)));
}

BOOST_AUTO_TEST_CASE(another_state_under_the_same_revision_is_noticed) {
  const auto present = key();
  BOOST_TEST(accepted(first.refresh()));  // what is shown has the revision that it knows
  shared.show("nonsense");
  BOOST_TEST(refused_as(errc::truncated, first.refresh()));
  {
    const later minutes(std::chrono::minutes(11));
    BOOST_TEST(refused_as(errc::timed_out, firsts.seal({})));
  }
  // As after a restore that put the store's counter back as well, and a commit since.
  shared.show(std::nullopt);
  first.recreate().value();
  BOOST_TEST(accepted(first.refresh()));
  shared.show(present);
  BOOST_TEST(refused_as(errc::rolled_back, first.refresh()));
}

BOOST_AUTO_TEST_CASE(what_was_seen_and_could_not_be_kept_counts_in_this_process) {
  shared_place place;
  const server founding;
  busy_server own;
  auto founder = founding.open_or_create(place).value();
  const auto ticket = farm::ask_to_join(own.own, place.share(), farm_name, "own").value();
  const auto code = founder.approve(ticket.installation, ticket.fingerprint).value();
  auto member = farm::join(own.own, place.share(), farm_name, code).value();
  const auto before = place.read(shared_place::key_name);
  founder.recreate().value();
  *own.broken = true;
  BOOST_TEST(refused_as(errc::io_failed, member.refresh()));
  place.write(shared_place::key_name, before);
  BOOST_TEST(refused_as(errc::rolled_back, member.refresh()));
  *own.broken = false;
  BOOST_TEST(refused_as(errc::rolled_back, member.refresh()));
}

BOOST_AUTO_TEST_CASE(a_lease_that_cannot_be_kept_is_refused_and_what_was_leased_forfeited) {
  shared_place place;
  busy_server own;
  const auto member = farm::open_or_create(own.own, place.share(), farm_name, "first").value();
  place.after_commit([&] { *own.broken = true; });
  const auto refusal = member.key<rows>().seal({});
  BOOST_TEST(refused_as(errc::io_failed, refusal));
  *own.broken = false;
  BOOST_TEST(accepted(member.key<rows>().seal({})));
  BOOST_TEST(place.key().header().versions.front().leased_messages == 512U);
}

BOOST_AUTO_TEST_CASE(a_note_from_when_a_version_sealed_before_does_not_tell_that_it_seals_again) {
  const auto note = "scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "second"));
  const auto one_version = first.versions().value().front().id;
  const auto other_version = first.recreate().value();
  BOOST_TEST(accepted(second.refresh()));
  const auto said = shared.read(note);  // "seals with the other one"
  BOOST_TEST(accepted(first.promote(one_version)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.promote(other_version)));  // and the second does not look
  shared.write(note, said);
  const auto seals_with = [&](std::string_view name) {
    for (const auto& each : first.members().value())
      if (each.name == name) return each.seals_with;
    throw std::out_of_range(std::string(name));
  };
  BOOST_TEST((seals_with("first") == other_version));
  BOOST_TEST((seals_with("second") == std::nullopt));
  BOOST_TEST(accepted(first.disable(one_version)));
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(one_version)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST((seals_with("second") == other_version));
  BOOST_TEST(accepted(first.destroy(one_version)));
}

BOOST_AUTO_TEST_CASE(a_secret_under_another_name_does_not_open) {
  auto secrets = first.secrets();
  BOOST_TEST(accepted(secrets.put("orders", kw::as_bytes("one"))));
  BOOST_TEST(accepted(secrets.put("audit", kw::as_bytes("two"))));
  shared.write("scale-out/farm/secret/audit", shared.read("scale-out/farm/secret/orders"));
  BOOST_TEST(refused_as(errc::authentication_failed, second.secrets().get("audit")));
  BOOST_TEST(second.secrets().get("orders").value().text() == "one");
}

BOOST_AUTO_TEST_CASE(a_stolen_store_opens_nothing_without_a_members_secrets) {
  BOOST_TEST(accepted(first.secrets().put("orders", kw::as_bytes("Server=orders;Password=x"))));
  // A thief has the whole store, and a vault of its own that has the same installation id.
  const auto record = shared.key();
  kw::system_random random;
  const kw::protect::recipient<> thief(kw::crypto::x_wing::private_key::generate(random).value());
  BOOST_TEST(refused_as(errc::no_slot_opened, kw::protect::unlock(record, thief)));
  BOOST_TEST(refused_as(errc::authentication_failed, stranger.open_or_create(shared)));
  BOOST_TEST(refused_as(errc::not_activated, server().open_or_create(shared)));
  BOOST_TEST(key().find("Password") == std::string::npos);
  BOOST_TEST(shared.read("scale-out/farm/secret/orders").find("Password") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_record_weaker_than_the_composition_is_refused) {
  put_key(replaced(key(), "\"quantum_safe\": true", "\"quantum_safe\": false"));
  BOOST_TEST(refused_as(errc::authentication_failed, first.refresh()));
}

BOOST_AUTO_TEST_SUITE_END()
