"""Run some code in a sandbox, with the official Daytona SDK (`pip install daytona`)."""

from daytona import Daytona

daytona = Daytona()  # reads DAYTONA_API_URL and DAYTONA_API_KEY
sandbox = daytona.create()
response = sandbox.process.code_run("print('The sum is', sum(range(101)))")
print(response.result)
sandbox.delete()
