# Starts the official image's server on our configuration: in a container's place for elasticsearch.yml there is also what belongs to the image's
# version (jvm.options, log4j2.properties), and the users come from a volume. So all of it is put together in ES_PATH_CONF, a folder in memory.
set -euo pipefail
umask 0027
cp -R /usr/share/elasticsearch/config/. "$ES_PATH_CONF/"
cp /run/elasticsearch/elasticsearch.yml /run/elasticsearch/roles.yml "$ES_PATH_CONF/"
cp /run/elasticsearch-users/users /run/elasticsearch-users/users_roles "$ES_PATH_CONF/"
exec /bin/tini -- /usr/local/bin/docker-entrypoint.sh eswrapper
