API=http://127.0.0.1:8001

TOKEN=$(curl -fsS $API/api/auth/register --json '{
  "email": "ada@example.org", "password": "correct horse", "full_name": "Ada"
}' | jq -r .access_token)

AUTH="Authorization: Bearer $TOKEN"
PROJECT=$(curl -fsS $API/api/projects -H "$AUTH" --json '{
  "title": "Reading list", "type": "web_app",
  "description": "Books with authors and ratings"
}' | jq -r .project.id)

JOB=$(curl -fsS -X POST $API/api/projects/$PROJECT/generate -H "$AUTH" \
  | jq -r .job.id)

curl -fsSN $API/api/jobs/$JOB/events -H "$AUTH"
curl -fsS -X POST $API/api/projects/$PROJECT/export/zip -H "$AUTH" -OJ
