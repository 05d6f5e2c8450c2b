/// @file
/// Endpoints that trust only each other, whole: certificates, authentication, admission, transport,
/// set-up and topology. The listening socket and the streams need Boost.Asio and have headers of
/// their own: `keywarden/endpoint/listener.hpp`, `keywarden/transport/asio/handshake.hpp`.
#pragma once

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/anyone.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/directory_store.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/endpoint/configuration.hpp>
#include <keywarden/endpoint/endpoint.hpp>
#include <keywarden/endpoint/setup.hpp>
#include <keywarden/endpoint/topology.hpp>
#include <keywarden/pki/authority.hpp>
#include <keywarden/pki/certificate_store.hpp>
#include <keywarden/pki/expiry.hpp>
#include <keywarden/pki/files.hpp>
#include <keywarden/pki/revocation_refresher.hpp>
#include <keywarden/transport/tls.hpp>
